export interface Piece {
  text: string;
  found: boolean;
}

const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', "#x27": "'" };

/** The pieces of a snippet: HTML in which the API has escaped all but `<mark>`. */
export function pieces(snippet: string): Piece[] {
  return snippet
    .split(/<mark>(.*?)<\/mark>/su)
    .map((part, index) => ({ text: unescaped(part), found: index % 2 === 1 }))
    .filter(({ text }) => text);
}

function unescaped(html: string): string {
  return html.replace(/&(amp|lt|gt|quot|#x27);/g, (whole, name: string) => ENTITIES[name] ?? whole);
}
