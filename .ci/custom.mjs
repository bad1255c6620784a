// custom.mjs MODELS: custom resources, JSON on standard input, against the schemas that the package at MODELS has.
// Those don't refuse unknown fields; the names of an endpoint's are checked here.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const KNOWN = ["port", "path", "interval"];
for (const resource of JSON.parse(readFileSync(0, "utf8"))) {
  const file = join(process.argv[2], resource.apiVersion, `${resource.kind}.js`);
  const { [resource.kind]: Model } = await import(pathToFileURL(file));
  new Model(resource).validate();
  const unknown = resource.spec.endpoints.flatMap(Object.keys).filter((name) => !KNOWN.includes(name));
  if (unknown.length > 0) {
    throw new Error(`fields of an endpoint that nobody knows: ${unknown}`);
  }
}
