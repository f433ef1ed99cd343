/** The field of a new password; the bounds are those of `services/access/passwords.py`. */
export const NEW_PASSWORD = { type: "password", autoComplete: "new-password", minLength: 15, maxLength: 256 } as const;
