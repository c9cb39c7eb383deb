// A partner of the shop, as its staff makes one: operations published from a manifest, and a key.
import { execFileSync } from 'node:child_process';
import { shop } from './check.mjs';

const storefront = (...args) => execFileSync(shop.storefront, [...args, '--data-dir', shop.data], { encoding: 'utf8', stdio: 'pipe' });

// partner makes one with the operations of a manifest file. It returns its key, and what publishing said.
export function partner(name, manifest) {
  const unique = `${name}-${process.pid}`;
  const said = storefront('operations', 'publish', manifest, '--client', unique);
  storefront('partners', 'set', unique, '--requests', '600/m');
  return { said, key: storefront('partners', 'key', 'create', unique).trim() };
}
