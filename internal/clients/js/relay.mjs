// Relay's persisted queries: relay-compiler takes the texts out of an app, the shop publishes them for a partner, and
// the app sends ids with the partner's key, over HTTP and over graphql-ws.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { buildClientSchema, getIntrospectionQuery, printSchema } from 'graphql';
import { createClient } from 'graphql-ws';
import relay from 'relay-runtime';
import WebSocket from 'ws';
import { client, shop, until } from './check.mjs';
import { partner } from './partner.mjs';

const { Environment, Network, Observable, RecordSource, Store, fetchQuery, getSingularSelector, requestSubscription } = relay;
const mode = client('Relay', 'relay-runtime');

async function post(headers, body) {
  const res = await fetch(shop.router, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) });
  return res.json();
}

let key;
await mode('building and publishing', async (check) => {
  const { data } = await post({}, { query: getIntrospectionQuery() });
  rmSync('relay/__generated__', { recursive: true, force: true });
  writeFileSync('relay/persisted_queries.json', '{}'); // the compiler fills it
  writeFileSync('relay/schema.graphql', printSchema(buildClientSchema(data)));
  mkdirSync('relay/__generated__');
  execFileSync(process.execPath, ['node_modules/relay-compiler/cli.js'], { encoding: 'utf8', stdio: 'pipe' });
  const manifest = JSON.parse(readFileSync('relay/persisted_queries.json', 'utf8'));
  check('operations', Object.keys(manifest).length, 2);
  const made = partner('relay-app', 'relay/persisted_queries.json');
  check('published', /2 new/.test(made.said) || made.said);
  key = made.key;
  check('a key', /^sfk_/.test(key));
});

const generated = async (name) => (await import(`./relay/__generated__/${name}.graphql.js`)).default;

// The app's network: ids out, data in.
const socket = createClient({ url: shop.router.replace('http', 'ws'), webSocketImpl: WebSocket, connectionParams: () => ({ 'x-api-key': key }) });
const environment = new Environment({
  store: new Store(new RecordSource()),
  network: Network.create(
    ({ id }, variables) => post({ 'x-api-key': key }, { id, variables }),
    // graphql-ws wants a text, if an empty one.
    ({ id }, variables) => Observable.create((sink) => socket.subscribe({ query: '', id, variables }, sink)),
  ),
});

let sku;
await mode('persisted queries', async (check) => {
  const query = await generated('ShopAppCatalogueQuery');
  check('the text is gone', [query.params.text, typeof query.params.id], [null, 'string']);
  const data = await fetchQuery(environment, query, { first: 3 }).toPromise();
  check('products', data.productSearch.nodes.length, 3);
  const tile = getSingularSelector(await generated('ShopAppTile_product'), data.productSearch.nodes[0]);
  const product = environment.lookup(tile).data;
  check('a fragment from the store', [typeof product.title, typeof product.variants[0].availability.available], ['string', 'number']);
  ({ sku } = product.variants[0]);
});

await mode('what is not published', async (check) => {
  const query = await generated('ShopAppCatalogueQuery');
  const code = async (headers, body) => (await post(headers, body)).errors?.[0].extensions.code;
  check('an id', await code({ 'x-api-key': key }, { id: '0123456789abcdef0123456789abcdef' }), 'PERSISTED_OPERATION_NOT_FOUND');
  check('a text', await code({ 'x-api-key': key }, { query: '{ __typename }' }), 'PERSISTED_OPERATION_REQUIRED');
  check('without the key', await code({}, { id: query.params.id, variables: { first: 1 } }), 'PERSISTED_OPERATION_NOT_FOUND');
  const unknown = { ...query, params: { ...query.params, id: 'f'.repeat(32), cacheID: 'f' } };
  const error = await fetchQuery(environment, unknown, { first: 1 }).toPromise().then(() => undefined, (e) => e);
  check('the app is told', error?.source?.errors[0].extensions.code, 'PERSISTED_OPERATION_NOT_FOUND');
});

await mode('persisted subscription', async (check) => {
  const subscription = await generated('ShopAppStockSubscription');
  const heard = [];
  let ended;
  const { dispose } = requestSubscription(environment, {
    subscription,
    variables: { sku },
    onNext: ({ productAvailability: { available } }) => heard.push(available),
    onError: (e) => (ended = e.message ?? JSON.stringify(e)),
  });
  await until(() => heard.length > 0 || ended);
  const adjust = `mutation More($sku: String!, $key: String!) { stockAdjust(adjustments: [{ sku: $sku, delta: 7 }], reason: "delivery", idempotencyKey: $key) { items { sku } userErrors { message } } }`;
  await post({ authorization: `Bearer ${shop.sam}` }, { query: adjust, variables: { sku, key: `more-${process.pid}-${Date.now()}` } });
  await until(() => heard.length > 1 || ended);
  check('seven more', [heard[1] - heard[0], ended], [7, undefined]);
  dispose();
  await socket.dispose();
});
process.exit();
