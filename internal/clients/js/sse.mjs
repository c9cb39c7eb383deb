// graphql-sse in both of its modes: a connection for each subscription, and one for all.
import { createClient } from 'graphql-sse';
import { client, shop, until } from './check.mjs';
import { follow, placeOrder, story } from './order.mjs';
import { wire } from './wire.mjs';

const mode = client('graphql-sse', 'graphql-sse');
const headers = () => ({ authorization: `Bearer ${shop.ada}` });

// once asks for what has one result.
const once = (sse, query, variables) =>
  new Promise((done, failed) => {
    let result;
    sse.subscribe({ query, variables }, { next: (r) => (result = r), error: failed, complete: () => done(result) });
  });
const asker = (sse) => async (query, variables) => {
  const { data, errors } = await once(sse, query, variables);
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
};

const lamps = `query Lamps { productSearch(query: "lamp", first: 2) { nodes { id title } } }`;

async function small(check, sse) {
  const { data } = await once(sse, lamps);
  check('a query', data.productSearch.nodes.length, 2);
  const wrong = await once(sse, `query Wrong { nope }`);
  check('a wrong query', [wrong.errors?.[0].extensions.code, 'data' in wrong], ['GRAPHQL_VALIDATION_FAILED', false]);
  const nobody = await once(sse, follow, { order: 'ord_01ARZ3NDEKTSV4RRFFQ69G5FAV' });
  check("nobody's order", nobody.errors?.[0].extensions.code, 'NOT_FOUND');
}

await mode('distinct connections', async (check) => {
  const line = await wire(shop.router, shop.other);
  const sse = createClient({ url: line.url, headers, retry: async () => {} });
  await small(check, sse);
  const ask = asker(sse);
  const order = await placeOrder(ask);
  const heard = story();
  // The client sends the request again, as it is then, when it was cut off.
  const request = { query: follow, variables: { order } };
  let retried = 0;
  const over = new Promise((complete, error) => {
    const end = sse.subscribe(
      request,
      {
        next({ data, extensions }) {
          request.extensions = { resume: extensions.cursor };
          heard.hear(data.orderStatus);
          if (heard.is('DELIVERED')) end();
        },
        error,
        complete,
      },
      { connected: (again) => (retried += again) },
    );
  });
  await until(() => heard.heard.length > 1);
  line.cut();
  await over;
  check('connected again, once', retried, 1);
  await heard.checkWhole(check, ask, order);
});

await mode('single connection', async (check) => {
  const line = await wire(shop.router, shop.other);
  const sse = createClient({ url: line.url, headers, singleConnection: true, retryAttempts: 0 });
  await small(check, sse);
  const ask = asker(createClient({ url: shop.router, headers }));
  const orders = [await placeOrder(ask), await placeOrder(ask)];
  const stories = orders.map(story);
  let cuts = 0;
  // This mode copies the request, so the app subscribes again, from the last cursor.
  const listen = async (order, heard) => {
    for (let extensions; !heard.is('DELIVERED'); ) {
      const results = sse.iterate({ query: follow, variables: { order }, extensions });
      try {
        for await (const { data, extensions: at } of results) {
          extensions = { resume: at.cursor };
          heard.hear(data.orderStatus);
          if (heard.is('DELIVERED')) break;
        }
      } catch (e) {
        if (e.name !== 'NetworkError') throw e;
        cuts++;
      }
    }
  };
  const all = Promise.all(orders.map((order, i) => listen(order, stories[i])));
  await until(() => stories.every(({ heard }) => heard.length > 1));
  line.cut();
  await all;
  check('both were cut off', cuts, 2);
  for (const [i, heard] of stories.entries()) await heard.checkWhole(check, ask, orders[i]);
  sse.dispose();
});
process.exit();
