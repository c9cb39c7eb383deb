// Apollo Client: queries, mutations, errors, persisted queries of both kinds and batches over HTTP.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { BatchHttpLink } from '@apollo/client/link/batch-http';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { print } from 'graphql';
import { client, shop } from './check.mjs';
import { partner } from './partner.mjs';

const mode = client('Apollo Client', '@apollo/client');

// recorder is a fetch that notes what was sent and what came back.
function recorder() {
  const sent = [];
  const fetchIt = async (url, options) => {
    const one = { method: options.method, url: new URL(url), headers: options.headers, body: options.body };
    sent.push(one);
    const res = await fetch(url, options);
    one.status = res.status;
    one.type = res.headers.get('content-type');
    return res;
  };
  return { sent, fetch: fetchIt };
}

const cache = () => new InMemoryCache({ typePolicies: { Variant: { keyFields: ['sku'] } } });
const lamps = gql`query Lamps($first: Int!) { productSearch(query: "lamp", first: $first) { totalCount nodes { id title variants { sku } } } }`;

const collections = gql`query Collections { collections(first: 1) { nodes { id title } } }`;

await mode('queries and mutations', async (check) => {
  const { sent, fetch } = recorder();
  const app = new ApolloClient({ cache: cache(), link: new HttpLink({ uri: shop.router, fetch, headers: { authorization: `Bearer ${shop.ada}` } }) });
  const { data } = await app.query({ query: lamps, variables: { first: 3 } });
  check('products', data.productSearch.nodes.length, 3);
  check('typename', data.productSearch.nodes[0].__typename, 'Product');
  check('media type', sent[0].type, 'application/graphql-response+json; charset=utf-8');
  const product = data.productSearch.nodes[0];
  check('normalized', app.cache.extract()[`Product:${product.id}`].title, product.title);
  await app.query({ query: lamps, variables: { first: 3 } });
  check('the second time from the cache', sent.length, 1);

  const create = gql`mutation Create($sku: String!) { cartCreate(input: { currency: "EUR", lines: [{ sku: $sku, quantity: 2 }] }) {
    cart { id lines { id sku quantity } total { amount currency } } userErrors { field code message } } }`;
  const { sku } = product.variants[0];
  const made = (await app.mutate({ mutation: create, variables: { sku } })).data.cartCreate;
  check('cart', [made.cart.lines[0].sku, made.cart.lines[0].quantity, made.cart.total.currency, made.userErrors], [sku, 2, 'EUR', []]);
  const update = gql`mutation Update($cart: ID!, $line: ID!) { cartLinesUpdate(cartId: $cart, lines: [{ id: $line, quantity: 3 }]) {
    cart { id lines { id quantity } total { amount } } userErrors { message } } }`;
  await app.mutate({ mutation: update, variables: { cart: made.cart.id, line: made.cart.lines[0].id } });
  const read = gql`query Read($cart: ID!) { cart(id: $cart) { lines { quantity } total { amount } } }`;
  const now = (await app.query({ query: read, variables: { cart: made.cart.id }, fetchPolicy: 'network-only' })).data.cart;
  check('the cart has three', now.lines[0].quantity, 3);
  check('three cost half as much again', now.total.amount, (made.cart.total.amount / 2) * 3);
});

await mode('errors', async (check) => {
  const asked = async (headers, query, variables) => {
    const app = new ApolloClient({ cache: cache(), link: new HttpLink({ uri: shop.router, headers }) });
    try {
      return { data: (await app.query({ query, variables })).data };
    } catch (e) {
      return { graphql: CombinedGraphQLErrors.is(e), code: e.errors?.[0].extensions.code, data: e.data, message: e.message };
    }
  };
  const wrong = await asked({}, gql`query Wrong { productSearch(query: "lamp") { nope } }`);
  check('an unknown field', [wrong.graphql, wrong.code], [true, 'GRAPHQL_VALIDATION_FAILED']);
  check('it says which', /nope/.test(wrong.message));
  const bad = await asked({}, lamps, { first: 'three' });
  check('a wrong variable', [bad.graphql, bad.code], [true, 'BAD_INPUT']);
  const anonymous = await asked({}, gql`query Mine { orders(first: 1) { nodes { id } } }`);
  check('not signed in', [anonymous.graphql, anonymous.code], [true, 'UNAUTHENTICATED']);
  const expired = await asked({ authorization: 'Bearer nonsense' }, lamps, { first: 1 });
  check('a bad token', [expired.graphql, expired.code], [true, 'UNAUTHENTICATED']);
});

await mode('automatic persisted queries', async (check) => {
  const sha256 = (text) => createHash('sha256').update(text).digest('hex');
  const query = gql(`query Hashed${process.pid}($first: Int!) { productSearch(query: "lamp", first: $first) { nodes { id title } } }`);
  const ask = async () => {
    const { sent, fetch } = recorder();
    const link = new PersistedQueryLink({ sha256, useGETForHashedQueries: true }).concat(new HttpLink({ uri: shop.router, fetch }));
    const { data } = await new ApolloClient({ cache: cache(), link }).query({ query, variables: { first: 2 } });
    check('products', data.productSearch.nodes.length, 2);
    return sent;
  };
  const first = await ask();
  check('the hash, then the query', first.map((r) => r.method), ['GET', 'POST']);
  check('no text in the GET', first[0].url.searchParams.has('query'), false);
  check('a hash nobody knows', first[0].status, 400);
  const later = await ask();
  check('the hash alone', later.map((r) => [r.method, r.status]), [['GET', 200]]);
});

await mode('batches', async (check) => {
  const both = async (uri) => {
    const app = new ApolloClient({ cache: cache(), link: new BatchHttpLink({ uri, batchInterval: 10 }) });
    return Promise.allSettled([app.query({ query: lamps, variables: { first: 1 } }), app.query({ query: collections })]);
  };
  const refused = await both(shop.router);
  check('refused', refused.map((r) => r.status), ['rejected', 'rejected']);
  check('and why', refused.map((r) => /Batches .* not accepted/.test(r.reason?.result?.[0].errors[0].message)), [true, true]);
  const allowed = await both(shop.other); // which has --max-batch
  check('answered in order', allowed.map((r) => Object.keys(r.value?.data ?? {})[0]), ['productSearch', 'collections']);
});

await mode("a partner's published operations", async (check) => {
  const catalogue = gql`query Catalogue($first: Int!) { products(first: $first) { nodes { id title } } }`;
  const secret = gql`query Secret { products(first: 1) { nodes { id } } }`;
  const idOf = ({ definitions: [{ name }] }) => `apollo-${name.value}`; // a build makes hashes
  const body = print(new ApolloClient({ cache: cache(), link: ApolloLink.empty() }).documentTransform.transformDocument(catalogue));
  const operations = [{ id: idOf(catalogue), name: 'Catalogue', type: 'query', body }];
  writeFileSync('manifest.json', JSON.stringify({ format: 'apollo-persisted-query-manifest', version: 1, operations }));
  const { key } = partner('apollo-app', 'manifest.json');
  const { sent, fetch } = recorder();
  const link = new PersistedQueryLink({ generateHash: idOf }).concat(new HttpLink({ uri: shop.router, fetch, headers: { 'x-api-key': key } }));
  const app = new ApolloClient({ cache: cache(), link });
  const { data } = await app.query({ query: catalogue, variables: { first: 2 } });
  check('products', data.products.nodes.map((n) => n.__typename), ['Product', 'Product']);
  check('an id and no text', sent.map(({ body }) => 'query' in JSON.parse(body)), [false]);
  const refused = await app.query({ query: secret }).catch((e) => e.errors?.[0].extensions.code);
  check('what is not published', refused, 'PERSISTED_OPERATION_NOT_FOUND');
});
process.exit();
