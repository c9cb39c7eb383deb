// What the scripts share: which shop to ask, from standard input, and a line of JSON for each mode on standard
// output. A mode is one way of using a client; what is wrong with it is told, and the next mode goes on.
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';

// {router, other: addresses of two routers of one shop; ada, sam: tokens; storefront: its commands; data: its folder}
export const shop = JSON.parse(readFileSync(0, 'utf8'));

const patience = 60_000; // ms a mode may take

// client returns what runs a mode of the client that an npm package is. A word behind the script's name runs only the
// modes that have it in their titles.
export function client(name, npm) {
  const { version } = JSON.parse(readFileSync(`node_modules/${npm}/package.json`, 'utf8'));
  return async function mode(title, run) {
    if (!title.includes(process.argv[2] ?? '')) return;
    const began = performance.now();
    let passed = 0;
    const failed = [];
    const check = (what, got, want = true) => {
      if (isDeepStrictEqual(got, want)) passed++;
      else failed.push(`${what}: got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
    };
    let timer;
    const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`not over after ${patience / 1000} s`)), patience)));
    try {
      await Promise.race([run(check), late]);
    } catch (e) {
      failed.push(String(e?.stack ?? JSON.stringify(e)));
    }
    clearTimeout(timer);
    console.log(JSON.stringify({ client: name, version, mode: title, passed, failed, seconds: (performance.now() - began) / 1000 }));
  };
}

// until resolves once a condition holds that something else brings about.
export async function until(condition) {
  while (!condition()) await new Promise((next) => setTimeout(next, 10));
}
