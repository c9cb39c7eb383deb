// The EventSource of browsers, as the eventsource package has it: it comes back after a cut by itself, with the id of
// the last event, which is a cursor.
import { EventSource } from 'eventsource';
import { client, shop, until } from './check.mjs';
import { follow, placeOrder, story } from './order.mjs';
import { wire } from './wire.mjs';

const mode = client('EventSource', 'eventsource');
const authorization = `Bearer ${shop.ada}`;

const ask = async (query, variables) => {
  const res = await fetch(shop.router, { method: 'POST', headers: { 'content-type': 'application/json', authorization }, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await res.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
};

const open = (url, query, variables) =>
  new EventSource(`${url}?${new URLSearchParams({ query, variables: JSON.stringify(variables) })}`, {
    fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, authorization } }),
  });

await mode('subscription by GET', async (check) => {
  const line = await wire(shop.router, shop.other);
  const order = await placeOrder(ask);
  const heard = story();
  let opened = 0;
  const source = open(line.url, follow, { order });
  source.addEventListener('open', () => opened++);
  source.addEventListener('next', ({ data }) => heard.hear(JSON.parse(data).data.orderStatus));
  await until(() => heard.heard.length > 1);
  line.cut();
  await until(() => heard.is('DELIVERED'));
  source.close();
  check('opened again', opened, 2);
  await heard.checkWhole(check, ask, order);
});

await mode('errors', async (check) => {
  const source = open(shop.router, `subscription { nope }`, {});
  const told = [];
  source.addEventListener('next', ({ data }) => told.push(JSON.parse(data).errors[0].extensions.code));
  await new Promise((over) => source.addEventListener('complete', over));
  source.close();
  check('a wrong subscription', told, ['GRAPHQL_VALIDATION_FAILED']);
});
process.exit();
