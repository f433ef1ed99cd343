import { texts } from "./table";

export const useAskText = texts(
  {
    ask: "Ask",
    title: "Ask the archive",
    about: (model: string, server: string) =>
      `The answer comes from the conversations that you can see. What they say about it is sent to ${model} at ${server}.`,
    question: "Question",
    example: "What did we decide about the budget?",
    answer: "Answer",
    looking: "Searching and reading",
    notFound: "I do not find that in the conversations that you can see.",
  },
  {
    ask: "Fragen",
    title: "Das Archiv fragen",
    about: (model: string, server: string) =>
      `Die Antwort kommt aus den Gesprächen, die Sie sehen. Was darin dazu gesagt wird, wird an ${model} auf ${server} gesendet.`,
    question: "Frage",
    example: "Was haben wir zum Budget beschlossen?",
    answer: "Antwort",
    looking: "Suche und lese",
    notFound: "Das finde ich in den Gesprächen, die Sie sehen, nicht.",
  },
);
