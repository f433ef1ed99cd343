import { beforeEach, describe, expect, it, vi } from "vitest";

import type * as Unsent from "@/lib/unsent";

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
let me: typeof Module;
let unsent: typeof Unsent;

beforeEach(async () => {
  reload.mockClear();
  vi.stubGlobal("location", { reload });
  vi.resetModules(); // a page of its own
  unsent = await import("@/lib/unsent");
  me = await import("./me");
});

describe("who is logged in", () => {
  it("may log in again", async () => {
    for (const one of [nobody, ana, nobody, ana]) expect(await me.samePerson(one)).toBe(one);
    expect(reload).not.toHaveBeenCalled();
    expect(me.ownerName()).toBe("ana");
  });

  it("is another person only in a page that is loaded again", async () => {
    await me.samePerson(ana);
    await me.samePerson(nobody);
    const shown = vi.fn();
    void me.samePerson(ben).then(shown);
    await vi.waitFor(() => expect(reload).toHaveBeenCalledOnce());
    await Promise.resolve();
    expect(shown).not.toHaveBeenCalled();
  });

  it.each(["staying", "unsent"] as const)("is nobody for a page that keeps sound of another person (%s)", async (what) => {
    await me.samePerson(ana);
    const releases = [unsent[what].hold(), unsent[what].hold()];
    for (const release of releases) {
      expect(await me.samePerson(ben)).toEqual(nobody);
      release();
      release(); // counts once
    }
    expect(reload).not.toHaveBeenCalled();
    void me.samePerson(ben);
    expect(reload).toHaveBeenCalledOnce();
  });

  it("does not see the texts that another person could not save", async () => {
    const listeners = new EventTarget();
    vi.stubGlobal("window", listeners);
    const { unsavedTexts } = await import("@/lib/unsavedTexts");
    const asks = () => !listeners.dispatchEvent(new Event("beforeunload", { cancelable: true }));
    await me.samePerson(ana);
    unsavedTexts.keep(1, { typed: "The parrot lives.", before: "The parrot is dead." });
    expect(asks()).toBe(true);
    void me.samePerson(ben);
    expect(reload).toHaveBeenCalledOnce();
    expect(unsavedTexts.snapshot().size).toBe(0);
    expect(asks()).toBe(false);
  });

  it("is read again before something is sent", async () => {
    await me.samePerson(ana);
    const { client } = await import("./client");
    const read = vi.spyOn(client, "GET");
    for (const [one, isOwner] of [
      [ana, true],
      [ben, false],
      [nobody, false],
      [ana, true],
    ] as const) {
      read.mockResolvedValueOnce({ data: one, response: new Response() });
      expect(await me.isOwnerLoggedIn()).toBe(isOwner);
    }
  });
});
