/** How to process what is added, until the page is left. */
import { NO_OPTIONS, type ProcessingOptions } from "@/lib/processingOptions";
import { Store, useStore } from "@/lib/store";

const options = new Store(NO_OPTIONS);

export function useOptions(): [ProcessingOptions, (change: Partial<ProcessingOptions>) => void] {
  return [useStore(options), change];
}

function change(values: Partial<ProcessingOptions>): void {
  options.change(values);
}
