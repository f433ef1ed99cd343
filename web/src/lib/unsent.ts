/** Sound that was recorded here, or chosen to be sent, and is not at the server yet. */
import { Store } from "@/lib/store";

/** How many hold something. */
class Holds extends Store<number> {
  constructor() {
    super(0);
  }

  /** Returns what ends it. */
  hold(): () => void {
    let held = true;
    this.set(this.snapshot() + 1);
    return () => {
      if (held) this.set(this.snapshot() - 1);
      held = false;
    };
  }
}

/** While there is any, the page is not loaded again for another person. */
export const unsent = new Holds();

/** Screens that record: they stay where the login has ended. */
export const staying = new Holds();
