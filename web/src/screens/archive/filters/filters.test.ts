import { expect, test } from "vitest";

import { firstDay, isFiltered, moments, NONE, parseFilters, toParams, toQuery } from "./filters";

const parsed = (search: string) => parseFilters(new URLSearchParams(search));

test("filters survive the address", () => {
  const search = "q=red+car&tag=a&tag=b+c&speaker=7&emotion=sad&since=2026-11-01&until=2026-11-30&min=5&max=30&status=failed";
  expect(toParams(parsed(search)).toString()).toBe(search);
});

test("what is not understood is left out", () => {
  expect(parsed("emotion=bored&since=yesterday&until=2026-13-45&min=-3&max=x&status=lost&tag=")).toEqual(NONE);
});

test("no filter asks for nothing", () => {
  expect(toQuery(NONE)).toEqual({});
  expect(isFiltered({ ...NONE, q: "words" })).toBe(false);
  expect(isFiltered({ ...NONE, tags: ["a"] })).toBe(true);
});

test("a length is minutes in the address and seconds in the request", () => {
  expect(toQuery({ ...NONE, min: 5, max: 30 })).toEqual({ min_duration: 300, max_duration: 1800 });
});

test("both days of a range are included, in the reader's time zone", () => {
  const { since, until } = moments({ since: "2026-11-28", until: "2026-11-28" });
  expect(since).toBe(new Date(2026, 10, 28).toISOString());
  expect(until).toBe(new Date(2026, 10, 29).toISOString());
});

test("periods end today", () => {
  const now = new Date(2026, 2, 3, 9);
  expect(firstDay("today", now)).toBe("2026-03-03");
  expect(firstDay("week", now)).toBe("2026-02-25");
  expect(firstDay("month", now)).toBe("2026-03-01");
  expect(firstDay("year", now)).toBe("2026-01-01");
});
