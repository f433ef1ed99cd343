import { texts } from "./table";

export const useLoginText = texts(
  {
    title: "Log in to Vivavoce",
    name: "Name",
    password: "Password",
    submit: "Log in",
    openid: "Log in with your organisation",
    unsent: (name: string | null) =>
      `What ${name ?? "you"} recorded or added here is not sent yet: log in ${name ? `as ${name} ` : ""}again to go on, or load this page again to use it as another person.`,
    noAccounts:
      "There is no account yet. Vivavoce printed a link at its start that creates the first one; or run: vivavoce people create NAME --role admin",
  },
  {
    title: "Bei Vivavoce anmelden",
    name: "Name",
    password: "Passwort",
    submit: "Anmelden",
    openid: "Mit der Organisation anmelden",
    unsent: (name: string | null) =>
      `Was ${name ?? "Sie"} hier aufgenommen oder hinzugefügt ${name ? "hat" : "haben"}, ist noch nicht gesendet: Melden Sie sich wieder ${name ? `als ${name} ` : ""}an, oder laden Sie diese Seite neu, um sie als jemand anderes zu benutzen.`,
    noAccounts:
      "Es gibt noch kein Konto. Vivavoce gab beim Start einen Link aus, der das erste anlegt; oder: vivavoce people create NAME --role admin",
  },
);
