export interface Chapter {
  title: string;
  start_offset: number;
}

export interface ChapterSpan {
  title: string;
  seconds: number;
  /** Percent of the recording. */
  left: number;
  width: number;
}

/** Where the chapters lie along a recording: each reaches to the next one. One that begins after the end is left out. */
export function chapterSpans(chapters: readonly Chapter[], duration: number): ChapterSpan[] {
  const begun = chapters.filter(({ start_offset }) => start_offset < duration);
  begun.sort((a, b) => a.start_offset - b.start_offset);
  return begun.map(({ title, start_offset }, index) => {
    const end = begun[index + 1]?.start_offset ?? duration;
    const left = (100 * start_offset) / duration;
    return { title, seconds: start_offset, left, width: (100 * end) / duration - left };
  });
}
