// urql over HTTP, with its subscriptions over graphql-ws: a socket that is opened when it is needed, signs in, and goes
// on after a cut.
import { Client, cacheExchange, fetchExchange, subscriptionExchange } from '@urql/core';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { client, shop, until } from './check.mjs';
import { follow, placeOrder, story } from './order.mjs';
import { wire } from './wire.mjs';

const mode = client('urql', '@urql/core');
const authorization = `Bearer ${shop.ada}`;
const fetchOptions = { headers: { authorization } };

// appOf is an app whose subscriptions go over a socket. A subscription that is cut goes on behind the last result:
// graphql-ws sends the payload again as it is then.
const appOf = (socket) =>
  new Client({
    url: shop.router,
    fetchOptions,
    preferGetMethod: false,
    exchanges: [
      cacheExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe(sink) {
            const payload = { query, variables };
            const next = (result) => {
              payload.extensions = { resume: result.extensions?.cursor };
              sink.next(result);
            };
            return { unsubscribe: socket.subscribe(payload, { ...sink, next }) };
          },
        }),
      }),
      fetchExchange,
    ],
  });

const socketTo = (url, options) =>
  createClient({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, connectionParams: () => ({ authorization }), retryWait: async () => {}, ...options });

const ada = new Client({ url: shop.router, fetchOptions, preferGetMethod: false, exchanges: [fetchExchange] });
const ask = async (text, variables) => {
  const { data, error } = await (text.startsWith('mutation') ? ada.mutation(text, variables) : ada.query(text, variables)).toPromise();
  if (error) throw error;
  return data;
};

await mode('queries and mutations', async (check) => {
  const app = new Client({ url: shop.router, fetchOptions, preferGetMethod: true, exchanges: [cacheExchange, fetchExchange] });
  const lamps = `query Lamps($first: Int!) { productSearch(query: "lamp", first: $first) { nodes { id title variants { sku } } } }`;
  const first = await app.query(lamps, { first: 3 });
  check('products, by GET', [first.data?.productSearch.nodes.length, first.error], [3, undefined]);
  const again = await app.query(lamps, { first: 3 });
  check('from the cache', again.operation.context.meta?.cacheOutcome, 'hit');
  const { sku } = first.data.productSearch.nodes[0].variants[0];
  const made = await app.mutation(`mutation Create($sku: String!) { cartCreate(input: { currency: "EUR", lines: [{ sku: $sku, quantity: 1 }] }) { cart { id lines { sku } } } }`, { sku });
  check('a cart', made.data?.cartCreate.cart.lines, [{ sku, __typename: 'CartLine' }]);
  const wrong = await app.query(`query Wrong { nope }`, {});
  check('a wrong query', wrong.error?.graphQLErrors[0].extensions.code, 'GRAPHQL_VALIDATION_FAILED');
  const slow = `query Slow { productSearch(query: "lamp", first: 2) { nodes { id title ... @defer { rating { average } } } } }`;
  const parts = [];
  await new Promise((done) => app.query(slow, {}).subscribe((r) => (parts.push(structuredClone(r.data)), r.hasNext || done())));
  check('@defer: titles first', parts[0]?.productSearch.nodes.map((n) => [typeof n.title, 'rating' in n]), [['string', false], ['string', false]]);
  check('then all', parts.at(-1)?.productSearch.nodes.every((n) => 'average' in n.rating));
});

await mode('subscription, graphql-ws', async (check) => {
  let opened = 0;
  const line = await wire(shop.router, shop.other);
  const socket = socketTo(line.url, { on: { connected: () => opened++ } });
  const app = appOf(socket);
  check('no socket before it is needed', line.connections(), 0);
  const order = await placeOrder(ask);
  const heard = story();
  const { unsubscribe } = app.subscription(follow, { order }).subscribe(({ data, error }) => {
    if (error) check('no error', String(error), undefined);
    else heard.hear(data.orderStatus);
  });
  await until(() => heard.heard.length > 1);
  check('one socket', opened, 1);
  line.cut();
  await until(() => heard.is('DELIVERED'));
  check('a second one after the cut', opened, 2);
  await heard.checkWhole(check, ask, order);
  unsubscribe();
  await until(() => line.connections() === 0); // closed when nobody needs it
});

await mode('who is not let in', async (check) => {
  const closed = await new Promise((over) => {
    const stranger = socketTo(shop.router, { connectionParams: { authorization: 'Bearer nonsense' }, retryAttempts: 0, on: { closed: over } });
    stranger.subscribe({ query: follow, variables: { order: 'ord_0' } }, { next() {}, error() {}, complete() {} });
  });
  check('a bad token: 4403', closed.code, 4403);
  check('and why', /^Forbidden: /.test(closed.reason));
  const tokens = ['Bearer expired', authorization];
  const again = socketTo(shop.router, { connectionParams: () => ({ authorization: tokens.shift() }) });
  const stock = `subscription { productAvailability(sku: "KIT-MUG-SKY") { sku } }`;
  const { data } = await new Promise((next) => appOf(again).subscription(stock, {}).subscribe(next));
  check('comes back with a token that is valid', [data?.productAvailability.sku, tokens.length], ['KIT-MUG-SKY', 0]);
  await again.dispose();
  const socket = socketTo(shop.router);
  const refused = await new Promise((over) => appOf(socket).subscription(follow, { order: 'ord_01ARZ3NDEKTSV4RRFFQ69G5FAV' }).subscribe(over));
  check("nobody's order", refused.error?.graphQLErrors[0].extensions.code, 'NOT_FOUND');
  const wrong = await new Promise((over) => appOf(socket).subscription(`subscription { nope }`, {}).subscribe(over));
  check('a wrong subscription', wrong.error?.graphQLErrors[0].extensions.code, 'GRAPHQL_VALIDATION_FAILED');
  await socket.dispose();
});
process.exit();
