import { texts } from "./table";

/** What to do where no sound can be recorded. The keys are those of `Problem` in `lib/recording/sources.ts`. */
export const useSoundText = texts(
  {
    insecure:
      "Browsers give the microphone only to pages over HTTPS or from this computer. Open this page at an https:// address.",
    refused:
      "This page may not use the microphone. Allow it in the browser's site settings, beside the address, and try again.",
    missing: "There is no microphone. Plug one in, or record the sound of a tab.",
    busy: "The microphone could not be opened. Close other programs that use it, and try again.",
    noSystemSound:
      "No sound was shared. Choose a tab or a screen, and turn on “share audio” in the same window. Firefox and Safari cannot share it: use Chrome or Edge.",
    unplugged:
      "The microphone or the shared sound is gone. What was recorded is safe. Plug it in again and choose “Go on”, or finish.",
    otherRate: "The sound device works at another rate than before. Upload what was not sent, and begin a new recording.",
    failed: "The sound could not be recorded. Try another microphone, or reload the page.",
  },
  {
    insecure:
      "Browser geben das Mikrofon nur Seiten über HTTPS oder von diesem Computer. Öffnen Sie die Seite unter einer https://-Adresse.",
    refused:
      "Diese Seite darf das Mikrofon nicht nutzen. Erlauben Sie es in den Einstellungen der Website neben der Adresse, und versuchen Sie es erneut.",
    missing: "Es gibt kein Mikrofon. Schließen Sie eines an, oder nehmen Sie den Ton eines Tabs auf.",
    busy: "Das Mikrofon ließ sich nicht öffnen. Schließen Sie andere Programme, die es nutzen, und versuchen Sie es erneut.",
    noSystemSound:
      "Es wurde kein Ton geteilt. Wählen Sie einen Tab oder Bildschirm, und schalten Sie im selben Fenster „Audio teilen“ ein. Firefox und Safari können ihn nicht teilen: Nehmen Sie Chrome oder Edge.",
    unplugged:
      "Das Mikrofon oder der geteilte Ton ist weg. Was aufgenommen wurde, ist sicher. Schließen Sie es wieder an und wählen Sie „Weiter“, oder schließen Sie ab.",
    otherRate:
      "Das Tongerät hat eine andere Abtastrate als zuvor. Laden Sie hoch, was nicht gesendet wurde, und beginnen Sie eine neue Aufnahme.",
    failed: "Der Ton ließ sich nicht aufnehmen. Nehmen Sie ein anderes Mikrofon, oder laden Sie die Seite neu.",
  },
);
