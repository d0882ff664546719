/**
 * Builds the card: `node build.mjs` writes the bundle that Home Assistant serves.
 *
 *   --check   builds in memory and fails unless the committed bundle is exactly that
 *   --tests   builds the unit tests for node's own test runner instead
 */
import { build } from "esbuild";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(
  here, "..", "custom_components", "infrafabric", "frontend", "infrafabric-card.js",
);
const MAX_GZIP = 80 * 1024;

const common = {
  absWorkingDir: here,
  bundle: true,
  charset: "utf8",
  format: "esm",
  logLevel: "warning",
  write: false,
};

async function card() {
  const result = await build({
    ...common,
    entryPoints: ["src/index.ts"],
    legalComments: "none",
    banner: {
      js: "/* InfraFabric card, built from frontend/ (Apache-2.0). Contains Lit (BSD-3-Clause) and lean-qr (MIT). */",
    },
    minify: true,
    target: "es2022",
  });
  return Buffer.from(result.outputFiles[0].contents);
}

async function tests() {
  const folder = join(here, ".cache", "tests");
  await rm(folder, { recursive: true, force: true });
  const names = (await readdir(join(here, "tests"))).filter((name) => name.endsWith(".test.ts"));
  await build({
    ...common,
    entryPoints: names.map((name) => `tests/${name}`),
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    platform: "node",
    sourcemap: "inline",
    target: "node18",
    write: true,
  });
}

if (process.argv.includes("--tests")) {
  await tests();
} else {
  const bundle = await card();
  const zipped = gzipSync(bundle, { level: 9 }).length;
  if (zipped > MAX_GZIP) {
    console.error(`The bundle has ${zipped} bytes zipped; ${MAX_GZIP} are allowed.`);
    process.exit(1);
  }
  if (process.argv.includes("--check")) {
    const committed = await readFile(target).catch(() => Buffer.alloc(0));
    if (!committed.equals(bundle)) {
      console.error("The built card is not what frontend/ makes now. Run script/build-card.");
      process.exit(1);
    }
  } else {
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, bundle);
    console.log(`${bundle.length} bytes, ${zipped} zipped`);
  }
}
