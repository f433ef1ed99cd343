/** How a recording is processed. Values are as a form has them: empty where the application decides. */
export interface ProcessingOptions {
  language: string;
  num_speakers: string;
  hotwords: string;
  model: string;
}

export const NO_OPTIONS: ProcessingOptions = { language: "", num_speakers: "", hotwords: "", model: "" };
