// The server audits of the graphql-http package: what the GraphQL over HTTP specification says that a server must,
// should and may do.
import { auditServer } from 'graphql-http';
import { client, shop } from './check.mjs';

await client('graphql-http', 'graphql-http')('audits of a server', async (check) => {
  const audits = await auditServer({ url: shop.router });
  if (audits.length < 61) throw new Error(`there are ${audits.length} audits, want 61`);
  for (const { id, name, status, reason } of audits) check(`${id} ${name}`, { status, reason }, { status: 'ok', reason: undefined });
});
process.exit();
