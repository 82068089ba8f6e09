// The stack of template.yaml inside a CDK app. What is deployed is said there and nowhere else; here a
// team says what is different in its own account: network, domain, sizes, names, keys.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { NestedStack, Stack, StackProps } from 'aws-cdk-lib';
import { CfnTable } from 'aws-cdk-lib/aws-dynamodb';
import { IVpc } from 'aws-cdk-lib/aws-ec2';
import { CfnBucket } from 'aws-cdk-lib/aws-s3';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import { CfnFunction } from 'aws-cdk-lib/aws-sam';
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include';
import { Construct } from 'constructs';

const ROOT = path.resolve(__dirname, '../../../..');
const FUNCTIONS = ['Api', 'Callbacks', 'Dial', 'Import', 'Scheduler'] as const;

export type FunctionName = (typeof FUNCTIONS)[number];

/** What a media worker needs besides an image. */
export interface MediaProps {
  /** Host name of the media sockets, as in media.example.com. */
  readonly domain: string;
  /** Route 53 zone of the domain: its record and certificate are made. */
  readonly hostedZoneId?: string;
  /** A certificate of the domain, where the zone is elsewhere. */
  readonly certificateArn?: string;
  /** The image with its digest, as infra/aws/image/push.sh prints it. */
  readonly image: string;
  /** The network; its public subnets are used. */
  readonly vpc: IVpc;
  /** CPU of a worker in 1/1024 of a core, and its memory in MB. */
  readonly cpu?: number;
  readonly memory?: number;
  readonly workersMin?: number;
  readonly workersMax?: number;
}

export interface TrunklineProps extends StackProps {
  /** Without it the control plane is deployed alone. */
  readonly media?: MediaProps;
  /** Names where the defaults, which CloudFormation makes, will not do. */
  readonly tableName?: string;
  readonly bucketName?: string;
  /** Memory of functions in MB, where the template's will not do. */
  readonly memory?: Partial<Record<FunctionName, number>>;
  /** Any other parameter of template.yaml, by its name. */
  readonly parameters?: Record<string, string | number>;
}

export class Trunkline extends Stack {
  /** The included template, for whatever has no property of its own here. */
  readonly template: CfnInclude;

  constructor(scope: Construct, id: string, props: TrunklineProps = {}) {
    super(scope, id, props);
    const template = new CfnInclude(this, 'Template', {
      templateFile: path.join(ROOT, 'template.yaml'),
      parameters: { ...mediaParameters(props.media), ...texts(props.parameters) },
      loadNestedStacks: {
        MediaWorker: { templateFile: path.join(ROOT, 'infra/aws/media-worker.yaml') },
        Operations: { templateFile: path.join(ROOT, 'infra/aws/operations.yaml') },
      },
    });
    this.template = template;

    for (const name of FUNCTIONS) {
      const resource = template.getResource(name) as CfnFunction;
      resource.codeUri = uploaded(this, name);
      const memory = props.memory?.[name];
      if (memory !== undefined) {
        resource.memorySize = memory;
      }
    }
    if (props.tableName !== undefined) {
      (template.getResource('Table') as CfnTable).tableName = props.tableName;
    }
    if (props.bucketName !== undefined) {
      (template.getResource('Bucket') as CfnBucket).bucketName = props.bucketName;
    }
  }

  /** The stack of alarms and dashboard. */
  get operations(): NestedStack {
    return this.template.getNestedStack('Operations').stack;
  }

  /** The stack of the media worker. */
  get mediaWorker(): NestedStack {
    return this.template.getNestedStack('MediaWorker').stack;
  }
}

/** Where CDK will have put the function's code, in the form that SAM takes. */
function uploaded(scope: Construct, name: FunctionName): CfnFunction.S3LocationProperty {
  const folder = path.join(ROOT, 'target/lambda', name.toLowerCase());
  if (!fs.existsSync(path.join(folder, 'bootstrap'))) {
    throw new Error(`${folder}/bootstrap is missing: build the functions first, as README, "Deploy", says`);
  }
  const asset = new Asset(scope, `${name}Code`, { path: folder });
  return { bucket: asset.s3BucketName, key: asset.s3ObjectKey };
}

function mediaParameters(media: MediaProps | undefined): Record<string, unknown> {
  if (media === undefined) {
    return {};
  }
  return defined({
    MediaDomain: media.domain,
    MediaHostedZoneId: media.hostedZoneId,
    MediaCertificateArn: media.certificateArn,
    WorkerImage: media.image,
    WorkerVpcId: media.vpc.vpcId,
    WorkerSubnetIds: media.vpc.publicSubnets.map((subnet) => subnet.subnetId),
    WorkerCpu: media.cpu,
    WorkerMemory: media.memory,
    WorkersMin: media.workersMin,
    WorkersMax: media.workersMax,
  });
}

function defined(parameters: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== undefined));
}

function texts(parameters: Record<string, string | number> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, String(value)]));
}
