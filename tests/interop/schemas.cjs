// Checks Kubernetes objects, a JSON list on standard input, against the schemas of their kinds; prints a JSON list of
// problems. `schemas.cjs NODE_MODULES`.
const path = require("node:path");
const { pathToFileURL } = require("node:url");

const KINDS = {
  "gateway.networking.k8s.io/v1 HTTPRoute": "@kubernetes-models/gateway-api/_schemas/IoK8sSigsGatewayApiApisV1HTTPRoute.js",
  "gateway.networking.k8s.io/v1 ExternalAuth":
    "@kubernetes-models/gateway-api/_schemas/IoK8sSigsGatewayApiApisV1HTTPExternalAuthFilter.js",
  "security.istio.io/v1 AuthorizationPolicy": "@kubernetes-models/istio/_schemas/SecurityIstioIoV1AuthorizationPolicy.js",
  "networking.istio.io/v1alpha3 EnvoyFilter": "@kubernetes-models/istio/_schemas/NetworkingIstioIoV1alpha3EnvoyFilter.js",
  "install.istio.io/v1alpha1 IstioOperator": "@kubernetes-models/istio/_schemas/InstallIstioIoV1alpha1IstioOperator.js",
};

async function problems(object) {
  const kind = `${object.apiVersion} ${object.kind}`;
  if (!KINDS[kind]) return [`${kind}: no schema`];
  const { validate } = await import(pathToFileURL(path.join(process.argv[2], KINDS[kind])));
  // The filter itself has neither.
  const { apiVersion, kind: _, ...filter } = object;
  const errors = validate(object.kind === "ExternalAuth" ? filter : object) ? [] : validate.errors;
  return errors.map((error) => `${kind}: ${error.instancePath} ${error.keyword} ${JSON.stringify(error.params)}`);
}

async function main() {
  let text = "";
  for await (const piece of process.stdin) text += piece;
  const found = [];
  for (const object of JSON.parse(text)) found.push(...(await problems(object)));
  console.log(JSON.stringify(found));
}

main();
