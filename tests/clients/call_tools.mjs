// Calls tools by the official TypeScript SDK, which validates each result against its tool's output schema.
// Arguments: `http URL`, or `stdio COMMAND ARGUMENT…`. Reads [[tool, arguments], …], and writes {tools, results}.
import { readFileSync } from "node:fs";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const TIMEOUT_MS = 600_000;
const [kind, target, ...rest] = process.argv.slice(2);
const transport =
  kind === "http"
    ? new StreamableHTTPClientTransport(new URL(target))
    : new StdioClientTransport({ command: target, args: rest, env: process.env });
const client = new Client({ name: "test", version: "1.0.0" });
await client.connect(transport);

const { tools } = await client.listTools();
const results = [];
for (const [name, args] of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    const result = await client.callTool({ name, arguments: args }, undefined, { timeout: TIMEOUT_MS });
    results.push({ tool: name, error: result.isError ? result.content[0].text : null, result });
  } catch (error) {
    results.push({ tool: name, error: String(error), result: null });
  }
}
await client.close();
process.stdout.write(JSON.stringify({ tools: tools.map((tool) => tool.name), results }));
