// aws-jwt-verify's verdicts: reads { userPoolId, clientId, keys, oidc: { issuer, audience, keys }, rows: [{ name, verifier, token }] }
// from standard input and prints { name: null | error }. Its keys come from memory; nothing goes over the network.
const { CognitoJwtVerifier, JwtVerifier } = require("aws-jwt-verify");

const input = JSON.parse(require("fs").readFileSync(0, "utf8"));
const pool = CognitoJwtVerifier.create({ userPoolId: input.userPoolId, clientId: input.clientId, tokenUse: null });
pool.cacheJwks(input.keys);
const oidc = JwtVerifier.create({ issuer: input.oidc.issuer, audience: input.oidc.audience, jwksUri: `${input.oidc.issuer}/jwks.json` });
oidc.cacheJwks(input.oidc.keys);

const verdicts = {};
for (const { name, verifier, token } of input.rows) {
  try {
    (verifier === "oidc" ? oidc : pool).verifySync(token);
    verdicts[name] = null;
  } catch (error) {
    verdicts[name] = `${error.name}: ${error.message}`;
  }
}
console.log(JSON.stringify(verdicts));
