/** Focus an element with one text node, and put the cursor before a character, or at the end. */
export function placeCaret(element: HTMLElement, offset: number | null): void {
  element.focus();
  const node = element.firstChild;
  const selection = getSelection();
  if (!(node instanceof Text) || !selection) return;
  const range = document.createRange();
  range.setStart(node, Math.min(offset ?? node.length, node.length));
  selection.removeAllRanges();
  selection.addRange(range);
}

/** How many characters of the element are before the cursor; undefined where it is not inside. */
export function caretIn(element: HTMLElement): number | undefined {
  const selection = getSelection();
  if (!selection?.rangeCount) return undefined;
  const range = selection.getRangeAt(0);
  if (!element.contains(range.endContainer)) return undefined;
  const before = document.createRange();
  before.selectNodeContents(element);
  before.setEnd(range.endContainer, range.endOffset);
  return before.toString().length;
}
