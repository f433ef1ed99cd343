/** `0.80`: how similar two voices are, from 0 to 1. */
export function similarityText(similarity: number, language: string): string {
  return similarity.toLocaleString(language, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}
