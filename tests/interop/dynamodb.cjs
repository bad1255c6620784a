// The AWS SDK for JavaScript with DynamoDB as an application uses it: credentials come from the identity pool by themselves.
// Reads { endpoint, region, identityPoolId, logins, calls: [{ command, input, document }] } from standard input and
// prints what came of each call, in order: { ok: the answer } or { error: its code, status, message }. A `document`
// call is one of the document client, whose commands have names and values of their own.
const { fromCognitoIdentityPool } = require("@aws-sdk/credential-providers");
const dynamodb = require("@aws-sdk/client-dynamodb");
const documents = require("@aws-sdk/lib-dynamodb");

async function main() {
  const { endpoint, region, identityPoolId, logins, calls } = JSON.parse(require("fs").readFileSync(0, "utf8"));
  const credentials = fromCognitoIdentityPool({ identityPoolId, logins, clientConfig: { endpoint, region } });
  const client = new dynamodb.DynamoDBClient({ endpoint, region, credentials, maxAttempts: 1 });
  const document = documents.DynamoDBDocumentClient.from(client);
  const answers = [];
  for (const { command, input, document: ofDocuments } of calls) {
    try {
      const name = `${command}Command`;
      const { $metadata, ...answer } = ofDocuments
        ? await document.send(new documents[name](input))
        : await client.send(new dynamodb[name](input));
      answers.push({ ok: answer });
    } catch (error) {
      answers.push({ error: error.name, status: error.$metadata?.httpStatusCode ?? String(error), message: error.message });
    }
  }
  console.log(JSON.stringify(answers));
}

main();
