// Apollo Client: what is deferred, and subscriptions over multipart HTTP and over graphql-ws.
import { createHash } from 'node:crypto';
import { ApolloClient, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { GraphQL17Alpha9Handler } from '@apollo/client/incremental';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { client, shop, until } from './check.mjs';
import { follow, placeOrder, story } from './order.mjs';
import { wire } from './wire.mjs';

const mode = client('Apollo Client', '@apollo/client');
const headers = { authorization: `Bearer ${shop.ada}` };
const cache = () => new InMemoryCache({ typePolicies: { Variant: { keyFields: ['sku'] } } });

const ada = new ApolloClient({ cache: cache(), link: new HttpLink({ uri: shop.router, headers }), defaultOptions: { query: { fetchPolicy: 'no-cache' } } });
const ask = async (text, variables) => {
  const document = gql(text);
  const [{ operation }] = document.definitions;
  return (await (operation === 'mutation' ? ada.mutate({ mutation: document, variables }) : ada.query({ query: document, variables }))).data;
};

await mode('@defer', async (check) => {
  const app = new ApolloClient({ cache: cache(), link: new HttpLink({ uri: shop.router }), incrementalHandler: new GraphQL17Alpha9Handler() });
  const query = gql`query Slow { productSearch(query: "lamp", first: 2) { nodes { id title ... @defer { rating { average } variants { sku shippingEstimate(country: "DE") { latest } } } } } }`;
  const states = [];
  await new Promise((done, failed) => {
    app.watchQuery({ query }).subscribe({
      next: (r) => {
        if (r.error) failed(r.error);
        states.push({ state: r.dataState, nodes: structuredClone(r.data?.productSearch?.nodes) });
        if (r.dataState === 'complete') done();
      },
      error: failed,
    });
  });
  const first = states.find((s) => s.state === 'streaming');
  check('the titles come first', first?.nodes.map((n) => [typeof n.title, 'rating' in n]), [['string', false], ['string', false]]);
  check('then all', states.at(-1).nodes.every((n) => 'rating' in n && n.variants.every((v) => v.shippingEstimate.latest > '2')));
  const whole = await new ApolloClient({ cache: cache(), link: new HttpLink({ uri: shop.router, headers: { accept: 'application/json' } }), incrementalHandler: new GraphQL17Alpha9Handler() }).query({ query });
  check('query() resolves with all', whole.data.productSearch.nodes.every((n) => 'rating' in n));
});

await mode('subscription, multipart', async (check) => {
  const line = await wire(shop.router, shop.other);
  const hashed = new PersistedQueryLink({ sha256: (text) => createHash('sha256').update(text).digest('hex'), useGETForHashedQueries: true });
  const app = new ApolloClient({ cache: cache(), link: hashed.concat(new HttpLink({ uri: line.url, headers })) });
  const order = await placeOrder(ask);
  const heard = story();
  let cursor;
  // listen resolves when the order is delivered, or why the subscription ended.
  const listen = (extensions) =>
    new Promise((over) => {
      const subscription = app.subscribe({ query: gql(follow), variables: { order }, extensions, fetchPolicy: 'no-cache' }).subscribe({
        next: ({ data, error, extensions }) => {
          if (error) return over(error);
          cursor = extensions.cursor;
          heard.hear(data.orderStatus);
          if (heard.is('DELIVERED')) {
            over('delivered');
            subscription.unsubscribe();
          }
        },
        error: over,
        complete: () => over(new Error('complete')),
      });
    });
  const first = listen();
  await until(() => heard.heard.length > 1);
  line.cut();
  let over = await first;
  check('the cut is an error', over.message, 'premature end of multipart body');
  // fetch fails with a TypeError where it takes a connection that was cut, too.
  do over = await listen({ resume: cursor });
  while (over instanceof TypeError);
  check('the rest comes from the other router', String(over), 'delivered');
  await heard.checkWhole(check, ask, order);

  const refused = new ApolloClient({ cache: cache(), link: new HttpLink({ uri: shop.router }) });
  const error = await new Promise((over) => refused.subscribe({ query: gql(follow), variables: { order } }).subscribe({ next: (r) => over(r.error), error: over }));
  check("someone else's order", ['FORBIDDEN', 'UNAUTHENTICATED', 'NOT_FOUND'].includes(error?.errors?.[0].extensions?.code));
});

await mode('subscription, GraphQLWsLink', async (check) => {
  const socket = createClient({ url: shop.router.replace('http', 'ws'), webSocketImpl: WebSocket, connectionParams: headers });
  const app = new ApolloClient({ cache: cache(), link: new GraphQLWsLink(socket) });
  const order = await placeOrder(ask);
  const heard = story();
  await new Promise((done, failed) => {
    app.subscribe({ query: gql(follow), variables: { order }, fetchPolicy: 'no-cache' }).subscribe({
      next: ({ data, error }) => {
        if (error) return failed(error);
        heard.hear(data.orderStatus);
        if (heard.is('DELIVERED')) done();
      },
      error: failed,
    });
  });
  await heard.checkWhole(check, ask, order);
  const { data } = await app.query({ query: gql`query Kind { __typename }` });
  check('a query over the socket', data.__typename, 'Query');
  await socket.dispose();
});
process.exit();
