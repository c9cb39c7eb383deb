// Composes each set of a line of JSON on standard input with Apollo's tools, and has them read our
// supergraph of it. Answers each line with what they said, as a line of JSON; it judges nothing.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(process.cwd() + '/');
const { composeServices } = require('@apollo/composition');
const { Supergraph, ROUTER_SUPPORTED_SUPERGRAPH_FEATURES, ERRORS } = require('@apollo/federation-internals');
const { QueryPlanner } = require('@apollo/query-planner');
const { parse, printSchema } = require('graphql');

console.log = console.warn = console.debug = () => {};

const build = (sdl) => Supergraph.build(sdl, { supportedFeatures: ROUTER_SUPPORTED_SUPERGRAPH_FEATURES, validateSupergraph: true });
const apiOf = (supergraph) => printSchema(supergraph.apiSchema().toGraphQLJSSchema());

function compose(set) {
  let documents;
  try {
    documents = set.subgraphs.map((s) => ({ name: s.name, url: s.url, typeDefs: parse(s.sdl) }));
  } catch (e) {
    return { errors: [{ code: 'INVALID_GRAPHQL', message: e.message }] };
  }
  let result;
  try {
    result = composeServices(documents);
  } catch (e) {
    return { errors: [{ code: e.extensions?.code ?? 'THROWN', message: String(e.message) }] };
  }
  if (result.errors) {
    return { errors: result.errors.map((e) => ({ code: e.extensions?.code ?? 'THROWN', message: e.message })) };
  }
  try {
    return {
      supergraph: result.supergraphSdl,
      api: apiOf(build(result.supergraphSdl)),
      hints: (result.hints ?? []).map((h) => ({ code: h.definition.code, message: h.message })),
    };
  } catch (e) {
    return { errors: [{ code: 'UNREADABLE', message: String(e.message) }] };
  }
}

function read(sdl) {
  try {
    const supergraph = build(sdl);
    new QueryPlanner(supergraph);
    return { api: apiOf(supergraph) };
  } catch (e) {
    return { error: String(e.message) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify({
    codes: Object.values(ERRORS).map((definition) => definition.code).sort(),
    sets: JSON.parse(line).map((set) => ({ name: set.name, composed: compose(set), read: set.ours ? read(set.ours) : null })),
  }) + '\n');
}
