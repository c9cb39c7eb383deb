// The way of an order as an app goes it, with whatever client asks, and what its followers have to hear.

// placeOrder takes ask(text, variables), which resolves to the data of the signed-in client's operation, and
// resolves to the id of a new order.
export async function placeOrder(ask) {
  const found = await ask(
    `query Goods { productSearch(query: "lamp", first: 5, filter: { inStock: true }) { nodes { variants { sku availability { available } } } } }`,
  );
  const goods = found.productSearch.nodes.flatMap((product) => product.variants);
  const { sku } = goods.reduce((most, one) => (one.availability.available > most.availability.available ? one : most));
  const { cartCreate } = await ask(
    `mutation Open($sku: String!) { cartCreate(input: { currency: "EUR", lines: [{ sku: $sku, quantity: 1 }] }) { cart { id } userErrors { message } } }`,
    { sku },
  );
  const cart = cartCreate.cart.id;
  const { cartAddressSet } = await ask(
    `mutation Address($cart: ID!) {
      cartAddressSet(cartId: $cart, email: "ada@storefront.example",
        address: { name: "Ada Brandt", line1: "Torstrasse 1", city: "Berlin", postalCode: "10119", country: "DE" }) {
        cart { shippingRates { quote } } userErrors { message } } }`,
    { cart },
  );
  await ask(
    `mutation Rate($cart: ID!, $rate: String!) { cartShippingMethodSet(cartId: $cart, rate: $rate) { userErrors { message } } }`,
    { cart, rate: cartAddressSet.cart.shippingRates[0].quote },
  );
  const { placeOrder } = await ask(
    `mutation Place($cart: ID!, $key: String!) {
      placeOrder(input: { cartId: $cart, paymentToken: "tok_visa" }, idempotencyKey: $key) {
        ... on PlaceOrderSuccess { order { id } } ... on CartNotReady { problems { message } } } }`,
    { cart, key: cart },
  );
  if (!placeOrder.order) throw new Error(`the order was not placed: ${JSON.stringify(placeOrder)}`);
  return placeOrder.order.id;
}

export const follow = `subscription Follow($order: ID!) { orderStatus(orderId: $order) { id status version } }`;

// story collects what a follower of an order hears, each as {status, version}.
export function story() {
  const heard = [];
  return {
    heard,
    hear: ({ status, version }) => heard.push({ status, version }),
    is: (status) => heard.some((one) => one.status === status),
    // checkWhole compares it with the order's history: all of it from the first status on, in order, none twice.
    async checkWhole(check, ask, order) {
      const { order: o } = await ask(`query History($order: ID!) { order(id: $order) { history { status } } }`, { order });
      const history = o.history.map((step) => step.status);
      const statuses = heard.map((one) => one.status);
      check('every status from the first to the last', statuses, history.slice(history.indexOf(statuses[0])));
      check('it ends with the delivery', statuses.at(-1), 'DELIVERED');
      check('versions grow', heard.every((one, i) => i === 0 || one.version > heard[i - 1].version));
    },
  };
}
