import type { ComponentProps } from "react";

import type { Role } from "@/api/me";
import { cx } from "@/components/cx";
import { INPUT } from "@/components/Field";
import { useAccessText } from "@/i18n/access";

interface RoleSelectProps extends Omit<ComponentProps<"select">, "value" | "onChange"> {
  role: Role;
  onRole: (role: Role) => void;
  /** Says what each role may do. */
  explains?: boolean;
}

export function RoleSelect({ role, onRole, explains, className, ...rest }: RoleSelectProps) {
  const text = useAccessText();
  const hints = { reader: text.readerHint, writer: text.writerHint, admin: text.adminHint };
  return (
    <select className={cx(INPUT, className)} value={role} onChange={(event) => onRole(event.target.value as Role)} {...rest}>
      {(["reader", "writer", "admin"] as const).map((name) => (
        <option key={name} value={name}>
          {explains ? `${text[name]}: ${hints[name]}` : text[name]}
        </option>
      ))}
    </select>
  );
}
