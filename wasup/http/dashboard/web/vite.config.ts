import { defineConfig } from "vite";

// `WASUP=http://127.0.0.1:8080 npm run dev` serves the sources and sends everything else to a running wasup.
const wasup = process.env["WASUP"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "/dashboard/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2023",
    assetsInlineLimit: 0, // nothing that the content security policy would have to make an exception for
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { host: "127.0.0.1", proxy: { "/api": { target: wasup, ws: true }, "/openapi.json": wasup } },
});
