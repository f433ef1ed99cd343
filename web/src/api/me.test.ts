import { beforeEach, describe, expect, it, vi } from "vitest";

import type { recordingNow as Recording } from "@/lib/recording/recordingNow";

import type { Schemas } from "./client";
import type * as Module from "./me";

const nobody: Schemas["Me"] = {
  principal: null,
  name: null,
  role: null,
  login: { auth_required: true, password: true, openid: false },
};
const ana: Schemas["Me"] = { ...nobody, principal: "person:1", name: "ana", role: "writer" };
const ben: Schemas["Me"] = { ...nobody, principal: "person:2", name: "ben", role: "writer" };

const reload = vi.fn();
let samePerson: (typeof Module)["samePerson"];
let recordingNow: typeof Recording;

beforeEach(async () => {
  reload.mockClear();
  vi.stubGlobal("location", { reload });
  vi.resetModules(); // a page of its own
  ({ recordingNow } = await import("@/lib/recording/recordingNow"));
  ({ samePerson } = await import("./me"));
});

describe("who is logged in", () => {
  it("may log in again", async () => {
    for (const me of [nobody, ana, nobody, ana]) expect(await samePerson(me)).toBe(me);
    expect(reload).not.toHaveBeenCalled();
  });

  it("is another person only in a page that is loaded again", async () => {
    await samePerson(ana);
    await samePerson(nobody);
    const shown = vi.fn();
    void samePerson(ben).then(shown);
    await vi.waitFor(() => expect(reload).toHaveBeenCalledOnce());
    await Promise.resolve();
    expect(shown).not.toHaveBeenCalled();
  });

  it("is nobody for a page that records for another person, until it has recorded", async () => {
    await samePerson(ana);
    recordingNow.set(true);
    expect(await samePerson(ben)).toEqual(nobody);
    expect(reload).not.toHaveBeenCalled();
    recordingNow.set(false);
    void samePerson(ben);
    expect(reload).toHaveBeenCalledOnce();
  });
});
