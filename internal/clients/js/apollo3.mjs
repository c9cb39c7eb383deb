// Apollo Client 3, which many apps still have: it asks for @defer in a format of before, and gets its answer whole.
import { createHash } from 'node:crypto';
import apollo from 'apollo-client-3/core/core.cjs';
import persisted from 'apollo-client-3/link/persisted-queries/persisted-queries.cjs';
import { client, shop } from './check.mjs';
import { follow, placeOrder, story } from './order.mjs';

const { ApolloClient, HttpLink, InMemoryCache, gql } = apollo;
const mode = client('Apollo Client', 'apollo-client-3');

const sent = [];
const noting = (url, options) => (sent.push(options.method), fetch(url, options));
const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const app = new ApolloClient({
  cache: new InMemoryCache(),
  link: persisted
    .createPersistedQueryLink({ sha256, useGETForHashedQueries: true })
    .concat(new HttpLink({ uri: shop.router, fetch: noting, headers: { authorization: `Bearer ${shop.ada}` } })),
  defaultOptions: { query: { fetchPolicy: 'no-cache' } },
});
const ask = async (text, variables) => {
  const document = gql(text);
  const [{ operation }] = document.definitions;
  return (await (operation === 'mutation' ? app.mutate({ mutation: document, variables }) : app.query({ query: document, variables }))).data;
};

await mode('queries, hashes, @defer', async (check) => {
  const slow = `query Slow${process.pid} { productSearch(query: "lamp", first: 2) { nodes { id title ... @defer { rating { average } } } } }`;
  for (const time of ['the first time', 'by its hash']) {
    const { productSearch } = await ask(slow);
    check(`all of it, ${time}`, productSearch.nodes.map((n) => 'average' in n.rating), [true, true]);
  }
  check('sent', sent, ['GET', 'POST', 'GET']);
  const code = await ask(`query Wrong { nope }`).catch((e) => e.graphQLErrors[0].extensions.code);
  check('a wrong query', code, 'GRAPHQL_VALIDATION_FAILED');
});

await mode('subscription, multipart', async (check) => {
  const order = await placeOrder(ask);
  const heard = story();
  await new Promise((done, failed) => {
    app.subscribe({ query: gql(follow), variables: { order } }).subscribe({
      next: ({ data }) => {
        heard.hear(data.orderStatus);
        if (heard.is('DELIVERED')) done();
      },
      error: failed,
    });
  });
  await heard.checkWhole(check, ask, order);
});
process.exit();
