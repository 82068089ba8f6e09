// Trunkline as a stack of this app. Copy it into yours, or say here what is different in your account:
//
//   new Trunkline(app, 'trunkline', {
//     env: { account: '123456789012', region: 'eu-central-1' },
//     media: { domain: 'media.example.com', hostedZoneId: 'Z0…', image: '…', vpc, workersMin: 0 },
//     memory: { Api: 2048 },
//     parameters: { CarrierCallsPerSecond: 5, AlarmEmail: 'calls@example.com' },
//   });

import { App } from 'aws-cdk-lib';
import { Trunkline } from '../lib/trunkline';

const app = new App();
new Trunkline(app, 'trunkline');
app.synth();
