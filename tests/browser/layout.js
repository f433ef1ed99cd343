/* What is wrong with the layout of the page as it is shown: a list of sentences. */
() => {
  const CONTROLS = "a[href], button, input, select, textarea, summary, [role=slider], [role=option], [role=menuitem], [contenteditable]";
  const SLACK_PX = 1.5; // text and boxes are placed at fractions of a pixel
  const LEAST_PX = 24; // WCAG 2.2, 2.5.8
  const found = new Set();

  const name = (element) => {
    const label = element.getAttribute("aria-label") ?? element.textContent ?? "";
    return `${element.tagName.toLowerCase()} “${label.trim().replace(/\s+/g, " ").slice(0, 60)}”`;
  };
  const shown = (element) =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !element.closest(".sr-only, [hidden]");
  /** What scrolls on its own, or stays while the page scrolls: it may cover what is below it. */
  const layer = (element) => {
    for (let own = element; own; own = own.parentElement) {
      const { position, overflowX, overflowY } = getComputedStyle(own);
      if (position === "fixed" || position === "sticky" || own.hasAttribute("data-radix-popper-content-wrapper")) return own;
      if ([overflowX, overflowY].some((overflow) => overflow === "auto" || overflow === "scroll")) return own;
    }
    return document.body;
  };
  const scrolls = (element) => /auto|scroll/.test(getComputedStyle(element).overflowX);
  const onScreen = ({ top, bottom, width, height }) => width > 0 && height > 0 && bottom > 0 && top < innerHeight;

  /** Boxes of lines of text, each with its element. */
  const lines = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element || element.closest("option, script, style, svg") || !shown(element)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) if (onScreen(box)) lines.push({ element, box });
  }

  for (const { element, box } of lines) {
    let clip = element;
    while (clip && !/hidden|clip|auto|scroll/.test(getComputedStyle(clip).overflowX)) clip = clip.parentElement;
    const outer = clip?.getBoundingClientRect() ?? { left: 0, right: innerWidth };
    if (clip && scrolls(clip)) continue;
    if (box.left < outer.left - SLACK_PX || box.right > outer.right + SLACK_PX) found.add(`cut off: ${name(element)}`);
  }

  const controls = [...document.querySelectorAll(CONTROLS)]
    .filter((element) => shown(element) && !element.matches(":disabled"))
    .map((element) => ({ element, box: element.getBoundingClientRect() }))
    .filter(({ box }) => onScreen(box));

  for (const { element, box } of controls) {
    const target = element.matches("input") ? (element.closest("label")?.getBoundingClientRect() ?? box) : box;
    const inline = element.matches("a, button") && getComputedStyle(element).display === "inline"; // within a sentence
    if (!inline && Math.min(target.width, target.height) < LEAST_PX - 0.5) {
      found.add(`too small to touch, ${Math.round(target.width)} × ${Math.round(target.height)} px: ${name(element)}`);
    }
  }

  const overlap = (a, b) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > SLACK_PX && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > SLACK_PX;
  const things = [...controls, ...lines].map((thing) => ({ ...thing, layer: layer(thing.element) }));
  for (const [index, control] of things.slice(0, controls.length).entries()) {
    for (const other of things.slice(index + 1)) {
      if (control.layer !== other.layer || !overlap(control.box, other.box)) continue;
      if (control.element.contains(other.element) || other.element.contains(control.element)) continue;
      found.add(`overlap: ${name(control.element)} and ${name(other.element)}`);
    }
  }
  return [...found];
}
