import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** Where `make web-dev` finds the application. */
const application = process.env.VIVAVOCE_URL ?? "http://127.0.0.1:8000";

/** Writes a compressed copy beside each file of `assets`, which the application sends. */
const compression: Plugin = {
  name: "compression",
  apply: "build",
  writeBundle({ dir }) {
    for (const name of readdirSync(`${dir}/assets`)) {
      const file = `${dir}/assets/${name}`;
      writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }));
    }
  },
};

export default defineConfig({
  plugins: [react(), tailwindcss(), compression],
  html: { cspNonce: "nonce-of-this-answer" }, // api/page.py puts a new one in its place in each answer
  resolve: { alias: { "@": new URL("./src", import.meta.url).pathname } },
  build: { target: ["chrome123", "safari17.5", "firefox140"], assetsInlineLimit: 0, manifest: true },
  server: {
    host: "127.0.0.1",
    proxy: {
      // The application answers only pages of its own origin. The proxy makes this page one.
      "^/(api|docs|openapi.json|health)": {
        target: application,
        changeOrigin: true,
        ws: true,
        headers: { origin: application },
      },
    },
  },
  // On a busy machine the first import of a module takes longer than the defaults, 5 s and 10 s.
  test: { include: ["src/**/*.test.ts"], testTimeout: 120_000, hookTimeout: 120_000 },
});
