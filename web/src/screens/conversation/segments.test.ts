import { beforeEach, describe, expect, it, vi } from "vitest";

import { readSegments, type Segment, type SegmentPage } from "@/api/segments";

import { SegmentStore } from "./segments";

vi.mock("@/api/segments");

const segment = (id: number, text: string, words: Segment["words"] = null) =>
  ({ id, text, words, start_offset: id, end_offset: id + 1 }) as Segment;
const word = (text: string) => ({ word: text, start: 1, end: 2 }) as NonNullable<Segment["words"]>[number];

/** The requests that wait, in order. */
let requests: ((page: SegmentPage) => void)[];
const answer = async (segments: Segment[], total = segments.length) => {
  await vi.waitFor(() => expect(requests.length).toBeGreaterThan(0));
  requests.shift()?.({ segments, total } as SegmentPage);
};
const texts = (store: SegmentStore) => store.snapshot().segments.map(({ text }) => text);

beforeEach(() => {
  requests = [];
  vi.mocked(readSegments).mockImplementation(() => new Promise((resolve) => requests.push(resolve)));
});

async function loaded(...segments: Segment[]): Promise<SegmentStore> {
  const store = new SegmentStore(7);
  const loading = store.load();
  await answer(segments);
  await loading;
  return store;
}

describe("an answer that is older than a change that was made here", () => {
  it("does not replace it", async () => {
    const store = await loaded(segment(1, "old"), segment(2, "two"));
    const refreshing = store.refresh();
    store.apply({ segments: [segment(1, "new")], deleted: [] });
    await answer([segment(1, "old"), segment(2, "two")]);
    await answer([segment(1, "new"), segment(2, "two, of another person")]);
    expect(texts(store)).toEqual(["new", "two"]);
    await refreshing;
    expect(texts(store)).toEqual(["new", "two, of another person"]);
  });

  it("does not replace it while the transcript is loaded", async () => {
    const store = new SegmentStore(7);
    const loading = store.load();
    await answer([segment(1, "old")], 2);
    await vi.waitFor(() => expect(texts(store)).toEqual(["old"]));
    store.apply({ segments: [segment(1, "new")], deleted: [] });
    await answer([segment(2, "two")], 2);
    await answer([segment(1, "new"), segment(2, "two")]);
    await loading;
    expect(texts(store)).toEqual(["new", "two"]);
  });

  it("does not replace the transcript that was read again before all of it was loaded", async () => {
    const store = new SegmentStore(7);
    const loading = store.load();
    await answer([segment(1, "old")], 2);
    await vi.waitFor(() => expect(requests).toHaveLength(1));
    const refreshing = store.refresh();
    await vi.waitFor(() => expect(requests).toHaveLength(2));
    requests[1]?.({ segments: [segment(1, "new"), segment(2, "two")], total: 2 } as SegmentPage);
    await refreshing;
    await answer([segment(2, "two")], 2);
    await loading;
    expect(texts(store)).toEqual(["new", "two"]);
  });

  it("has no words for another text", async () => {
    const store = await loaded(segment(1, "old"), segment(2, "two"));
    const reading = store.loadWords(0, 1);
    store.apply({ segments: [segment(1, "new", [word("new")])], deleted: [] });
    await answer([segment(1, "old", [word("old")]), segment(2, "two", [word("two")])]);
    await reading;
    expect([1, 2].map((id) => store.wordsOf(id))).toEqual([[word("new")], [word("two")]]);
  });
});

it("shows a text that is being saved, whatever is read or changed meanwhile", async () => {
  const store = await loaded(segment(1, "old"), segment(2, "two"));
  const saved = store.showSaving(1, "typed");
  const refreshing = store.refresh();
  await answer([segment(1, "old"), segment(2, "two")]);
  await refreshing;
  store.patch(1, { emotion_category: "happy" });
  expect(texts(store)).toEqual(["typed", "two"]);
  const savedLater = store.showSaving(1, "typed later");
  store.apply({ segments: [segment(1, "typed")], deleted: [] });
  saved();
  expect(texts(store)).toEqual(["typed later", "two"]);
  savedLater(); // it failed
  expect(texts(store)).toEqual(["typed", "two"]);
});
