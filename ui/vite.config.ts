import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// Airflow's page has one React, and gives it to plugins as globals: a second one would break hooks. These modules hand
// the globals to everything in the bundle, also to libraries that `require` them.
const host = [
  { find: /^react$/, replacement: here("src/host/react.cjs") },
  { find: /^react-dom$/, replacement: here("src/host/react-dom.cjs") },
  { find: /^react\/jsx-runtime$/, replacement: here("src/host/jsx-runtime.cjs") },
];

export default defineConfig(({ mode }) => ({
  resolve: { alias: mode === "test" ? [] : host },
  define: { "process.env.NODE_ENV": JSON.stringify("production") },
  // `public/` (the icons) is copied as it is.
  build: {
    outDir: process.env.UI_OUT ?? here("../airflow_ack_sagemaker/plugin/static"),
    emptyOutDir: true,
    target: "es2022",
    sourcemap: false,
    // The licences of what is in the bundle go with it.
    license: { fileName: "licenses.md" },
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 600,
    rolldownOptions: {
      input: here("src/main.tsx"),
      onLog: (level, log, handler) => {
        // "use client" of libraries means servers that render React.
        if (log.code !== "MODULE_LEVEL_DIRECTIVE") handler(level, log);
      },
      output: { format: "es", entryFileNames: "main.js", codeSplitting: false },
    },
  },
  test: { include: ["src/**/*.test.ts"] },
}));
