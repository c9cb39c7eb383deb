// The other way round: subgraphs whose subscriptions graphql-ws and graphql-sse serve, behind a router of their own,
// and a client before it.
import { spawn, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buildSchema, parse } from 'graphql';
import { createHandler as byPost } from 'graphql-http/lib/use/http';
import { createClient } from 'graphql-sse';
import { createHandler as byEvents } from 'graphql-sse/lib/use/http';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import { client, shop, until } from './check.mjs';

const sdl = `type Query { hello: String } type Subscription { count(to: Int!): Int! open: Int! }`;

// subgraph serves sdl. Its open subscriptions are those whose generator has not ended.
async function subgraph() {
  const state = { open: 0, begun: 0, sockets: new Set() };
  const schema = buildSchema(sdl);
  const ticks = async function* (to) {
    state.open++;
    state.begun++;
    try {
      for (let n = 1; n <= to; n++) {
        yield n;
        await new Promise((next) => setTimeout(next, 5));
      }
    } finally {
      state.open--;
    }
  };
  const root = {
    hello: 'world',
    async *count({ to }) {
      for await (const count of ticks(to)) yield { count };
    },
    async *open() {
      for await (const open of ticks(1e9)) yield { open };
    },
  };
  const post = byPost({ schema, rootValue: root });
  const events = byEvents({
    onSubscribe: (_, { query, variables }) => ({ schema, rootValue: root, document: parse(query), variableValues: variables }),
  });
  const server = createServer((req, res) => (req.headers.accept?.includes('text/event-stream') ? events : post)(req, res));
  server.on('connection', (socket) => state.sockets.add(socket.on('close', () => state.sockets.delete(socket))));
  useServer({ schema, roots: { subscription: root } }, new WebSocketServer({ server, path: '/graphql' }));
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  state.url = `http://127.0.0.1:${server.address().port}/graphql`;
  state.cut = () => state.sockets.forEach((socket) => socket.destroy());
  state.close = () => (state.cut(), server.close());
  return state;
}

// router composes a supergraph of one subgraph, and serves it.
async function router(url, protocol) {
  const dir = mkdtempSync(join(tmpdir(), 'storefront-subgraph-'));
  const file = (name) => join(dir, name);
  writeFileSync(file('counter.graphqls'), sdl);
  writeFileSync(file('router.yaml'), `every_subgraph:\n  subscription:\n    protocol: ${protocol}\n`);
  execFileSync(shop.storefront, ['compose', '--subgraph', `counter=${url}=${file('counter.graphqls')}`, '--output', file('supergraph.graphqls')]);
  const child = spawn(shop.storefront, ['router', '--supergraph', file('supergraph.graphqls'), '--config', file('router.yaml'), '--listen', '127.0.0.1:0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const gone = new Promise((over) => child.on('exit', over));
  const address = new Promise((ready, failed) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      const said = JSON.parse(line);
      if (said.msg === 'router is ready') ready(said.address);
    });
    gone.then(() => failed(new Error('the router ended before it was ready')));
  });
  return {
    url: await address,
    async close() {
      child.kill('SIGINT');
      await gone;
      rmSync(dir, { recursive: true });
    },
  };
}

async function run(check, protocol) {
  const behind = await subgraph();
  const between = await router(behind.url, protocol);
  const sse = createClient({ url: between.url, retryAttempts: 0 });
  try {
    const counted = [];
    for await (const { data } of sse.iterate({ query: 'subscription { count(to: 20) }' })) counted.push(data.count);
    check('all results, in order, to the end', counted, Array.from({ length: 20 }, (_, i) => i + 1));

    let heard = 0;
    let reconnected = 0;
    const end = sse.subscribe(
      { query: 'subscription { open }' },
      { next: ({ extensions }) => (heard++, (reconnected += extensions?.reconnected === true)), error() {}, complete() {} },
    );
    await until(() => heard > 3);
    behind.cut();
    await until(() => reconnected > 0);
    const before = heard;
    await until(() => heard > before + 3);
    check('asked again after it was cut, which the client is told once', [behind.begun, reconnected], [3, 1]);
    end();
    await until(() => behind.open === 0);
    check('ended at the subgraph when the client left', behind.open, 0);
  } finally {
    await between.close();
    behind.close();
  }
}

for (const [name, protocol] of Object.entries({ 'graphql-ws': 'websocket', 'graphql-sse': 'sse' })) {
  const mode = client(name, name);
  await mode('as a subgraph', (check) => run(check, protocol));
}
process.exit(0);
