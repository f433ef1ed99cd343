import type { Key } from "@/api/access";

export function keyState(
  { revoked_at, expires_at }: Pick<Key, "revoked_at" | "expires_at">,
  now: Date = new Date(),
): "valid" | "revoked" | "expired" {
  if (revoked_at !== null) return "revoked";
  return expires_at !== null && new Date(expires_at) <= now ? "expired" : "valid";
}
