// Checks dashboard files against the schema that Grafana publishes as types.
//   node schema.mjs FILE...
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import Ajv from 'ajv';

const schema = JSON.parse(execFileSync('node_modules/.bin/ts-json-schema-generator', [
  '--path', 'node_modules/@grafana/schema/dist/types/raw/dashboard/x/types.gen.d.ts',
  '--type', 'Dashboard', '--no-type-check', '--additional-properties',
], { maxBuffer: 1 << 26 }));
const validate = new Ajv({ allErrors: true, strict: false }).compile(schema);
let failed = false;
for (const file of process.argv.slice(2)) {
  if (validate(JSON.parse(readFileSync(file)))) continue;
  failed = true;
  for (const error of validate.errors) console.log(`${file}: ${error.instancePath} ${error.message}`);
}
process.exit(failed ? 1 : 0);
