// The AWS SDK for JavaScript as an application uses it: credentials come from the identity pool by themselves.
// Reads { endpoint, region, identityPoolId, logins, calls: [{ command, input }] } from standard input and prints what
// came of each call, in order: { ok } or { error: its code, status }. A body { $stream: bytes, $block: base64 } is a stream of
// that block again and again.
const { fromCognitoIdentityPool } = require("@aws-sdk/credential-providers");
const { GetCallerIdentityCommand, STSClient } = require("@aws-sdk/client-sts");
const s3 = require("@aws-sdk/client-s3");
const { Readable } = require("stream");

function* blocks({ $stream, $block }) {
  const block = Buffer.from($block, "base64");
  for (let left = $stream; left > 0; left -= block.length) yield block.subarray(0, Math.min(left, block.length));
}

async function main() {
  const { endpoint, region, identityPoolId, logins, calls } = JSON.parse(require("fs").readFileSync(0, "utf8"));
  const credentials = fromCognitoIdentityPool({ identityPoolId, logins, clientConfig: { endpoint, region } });
  const settings = { endpoint, region, credentials, maxAttempts: 1 };
  const client = new s3.S3Client({ ...settings, forcePathStyle: true });
  const sts = new STSClient(settings);
  const answers = [];
  for (const { command, input } of calls) {
    if (input.Body?.$stream) input.Body = Readable.from(blocks(input.Body), { objectMode: false });
    try {
      const answer =
        command === "GetCallerIdentity"
          ? await sts.send(new GetCallerIdentityCommand({}))
          : await client.send(new s3[`${command}Command`](input));
      const text = answer.Body ? await answer.Body.transformToString() : undefined;
      answers.push({ ok: text ?? answer.Arn ?? answer.Contents?.map((object) => object.Key) ?? true });
    } catch (error) {
      answers.push({ error: error.name, status: error.$metadata?.httpStatusCode ?? String(error) });
    }
  }
  console.log(JSON.stringify(answers));
}

main();
