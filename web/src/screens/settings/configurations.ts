/** Configurations of clients, as docs/mcp.md and the README have them. */
const KEY = "vv_…";

export function mcpOverHttp(origin: string, withKey: boolean): string {
  const url = `${origin}/mcp`;
  return shown(withKey ? { url, headers: { Authorization: `Bearer ${KEY}` } } : { url });
}

export function mcpOverStdio(origin: string, withKey: boolean): string {
  const entry = { command: "vivavoce", args: ["mcp", "--url", origin] };
  return shown({ mcpServers: { vivavoce: withKey ? { ...entry, env: { VIVAVOCE_KEY: KEY } } : entry } });
}

export function curl(origin: string, withKey: boolean): string {
  const header = withKey ? `-H "Authorization: Bearer ${KEY}" ` : "";
  return `curl ${header}-F audio_file=@meeting.m4a ${origin}/api/v1/process`;
}

function shown(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
