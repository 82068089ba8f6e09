// The app deploys what the template says, and what a team overrides.

import { test } from 'node:test';
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { Trunkline } from '../lib/trunkline';

/** Names of the resources in a template, read without a YAML library: two spaces deep, below its heading. */
function resourcesOf(file: string): string[] {
  const lines = fs.readFileSync(path.resolve(__dirname, '../../../..', file), 'utf8').split('\n');
  const begin = lines.indexOf('Resources:');
  const end = lines.findIndex((line, at) => at > begin && /^\S/.test(line) && !line.startsWith('#'));
  const names = lines.slice(begin + 1, end === -1 ? undefined : end).map((line) => /^ {2}(\w+):/.exec(line)?.[1]);
  return names.filter((name) => name !== undefined).sort();
}

/** Resources of ours: CDK adds one that describes the app. */
function resourcesIn(template: Template): string[] {
  return Object.keys(template.toJSON()['Resources']).filter((name) => name !== 'CDKMetadata').sort();
}

test('the app deploys the resources of the template and no others', () => {
  const stack = new Trunkline(new App(), 'trunkline');
  assert.deepEqual(resourcesIn(Template.fromStack(stack)), resourcesOf('template.yaml'));
  const media = Template.fromStack(stack.mediaWorker);
  assert.deepEqual(resourcesIn(media), resourcesOf('infra/aws/media-worker.yaml'));
  const operations = Template.fromStack(stack.operations);
  assert.deepEqual(resourcesIn(operations), resourcesOf('infra/aws/operations.yaml'));
});

test('names, sizes, network and domain are the team’s', () => {
  const app = new App();
  const vpc = new Vpc(new Stack(app, 'network'), 'Vpc', { maxAzs: 2, natGateways: 0 });
  const stack = new Trunkline(app, 'trunkline', {
    tableName: 'calls',
    bucketName: 'acme-calls',
    memory: { Api: 2048 },
    media: { domain: 'media.example.com', hostedZoneId: 'Z1', image: 'registry/worker@sha256:0', vpc, workersMin: 0 },
    parameters: { CarrierCallsPerSecond: 5 },
  });
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::DynamoDB::Table', { TableName: 'calls' });
  template.hasResourceProperties('AWS::S3::Bucket', { BucketName: 'acme-calls' });
  const { Api, Dial, MediaWorker } = template.toJSON()['Resources'];
  assert.equal(Api.Properties.MemorySize, 2048);
  assert.equal(Dial.Properties.MemorySize, 512);
  const parameters = MediaWorker.Properties.Parameters;
  assert.equal(parameters.Domain, 'media.example.com');
  assert.equal(parameters.WorkersMin, '0');
  assert.ok(JSON.stringify(parameters.SubnetIds).includes('PublicSubnet2'));
  const globals = template.toJSON()['Globals'].Function.Environment.Variables;
  assert.equal(globals.TRUNKLINE_CARRIER_CALLS_PER_SECOND, '5');
});

test('every function is uploaded as it was built', () => {
  const template = Template.fromStack(new Trunkline(new App(), 'trunkline')).toJSON();
  for (const name of ['Api', 'Callbacks', 'Dial', 'Import', 'Scheduler']) {
    const code = template['Resources'][name].Properties.CodeUri;
    assert.ok(code.Bucket && /^[0-9a-f]{64}\.zip$/.test(code.Key), `${name}: ${JSON.stringify(code)}`);
  }
});
