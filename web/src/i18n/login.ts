import { texts } from "./table";

export const useLoginText = texts(
  {
    title: "Log in to Vivavoce",
    name: "Name",
    password: "Password",
    submit: "Log in",
    openid: "Log in with your organisation",
    noAccounts:
      "There is no account yet. Vivavoce printed a link at its start that creates the first one; or run: vivavoce people create NAME --role admin",
  },
  {
    title: "Bei Vivavoce anmelden",
    name: "Name",
    password: "Passwort",
    submit: "Anmelden",
    openid: "Mit der Organisation anmelden",
    noAccounts:
      "Es gibt noch kein Konto. Vivavoce gab beim Start einen Link aus, der das erste anlegt; oder: vivavoce people create NAME --role admin",
  },
);
