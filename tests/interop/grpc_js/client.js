// SPDX-License-Identifier: Apache-2.0
// @grpc/grpc-js against our server: node client.js PORT CA-FILE
'use strict';
const assert = require('assert');
const fs = require('fs');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const [port, caFile] = process.argv.slice(2);
const load = (file) => grpc.loadPackageDefinition(loader.loadSync(file, {includeDirs: ['/usr/share/grpc-proto'], keepCase: true}));
const credentials = grpc.credentials.createSsl(fs.readFileSync(caFile));
const address = `localhost:${port}`;
const testing = load('grpc/testing/test.proto').grpc.testing;
const test = new testing.TestService(address, credentials);
const unknown = new testing.UnimplementedService(address, credentials);
const health = new (load('grpc/health/v1/health.proto').grpc.health.v1.Health)(address, credentials);

const soon = () => ({deadline: Date.now() + 5000});
const unary = (client, method, request, metadata = new grpc.Metadata(), options = soon()) =>
  new Promise((resolve, reject) => {
    let initial;
    const call = client[method](request, metadata, options, (error, reply) => {
      if (error) reject(error);
      else call.on('status', (status) => resolve({reply, initial, status}));
    });
    call.on('metadata', (m) => { initial = m; });
  });
const failing = async (code, promise) => {
  const error = await promise.then(() => assert.fail('no error'), (e) => e);
  assert.strictEqual(error.code, code, error.message);
  return error;
};

const cases = {
  async empty_unary() {
    await unary(test, 'EmptyCall', {});
  },
  async large_unary() {
    const {reply} = await unary(test, 'UnaryCall', {response_size: 314159, payload: {body: Buffer.alloc(271828)}});
    assert.strictEqual(reply.payload.body.length, 314159);
  },
  async status_code_and_message() {
    const e = await failing(2, unary(test, 'UnaryCall', {response_status: {code: 2, message: 'test status message'}}));
    assert.strictEqual(e.details, 'test status message');
  },
  async special_status_message() {
    const message = '\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \u{1f608}\t\n';
    const e = await failing(2, unary(test, 'UnaryCall', {response_status: {code: 2, message}}));
    assert.strictEqual(e.details, message);
  },
  async every_status() {
    for (let code = 1; code <= 16; code++)
      await failing(code, unary(test, 'UnaryCall', {response_status: {code, message: 'x'}}));
  },
  async custom_metadata() {
    const m = new grpc.Metadata();
    m.set('x-grpc-test-echo-initial', 'test_initial_metadata_value');
    m.set('x-grpc-test-echo-trailing-bin', Buffer.from('ababab', 'hex'));
    const {initial, status} = await unary(test, 'UnaryCall', {}, m);
    assert.deepStrictEqual(initial.get('x-grpc-test-echo-initial'), ['test_initial_metadata_value']);
    assert.strictEqual(status.metadata.get('x-grpc-test-echo-trailing-bin')[0].toString('hex'), 'ababab');
  },
  async unimplemented_method() {
    await failing(12, unary(test, 'UnimplementedCall', {}));
  },
  async unimplemented_service() {
    await failing(12, unary(unknown, 'UnimplementedCall', {}));
  },
  async timeout_on_sleeping_server() {
    const call = test.FullDuplexCall(new grpc.Metadata(), {deadline: Date.now() + 50});
    call.write({response_parameters: [{size: 31415, interval_us: 2000000}], payload: {body: Buffer.alloc(27182)}});
    await failing(4, new Promise((resolve, reject) => call.on('error', reject).on('end', resolve).on('data', () => {})));
  },
  async cancel_after_begin() {
    await failing(1, new Promise((resolve, reject) => {
      const call = test.StreamingInputCall((error, reply) => (error ? reject(error) : resolve(reply)));
      setTimeout(() => call.cancel(), 50);
    }));
  },
  async oversize() {
    await failing(8, unary(test, 'UnaryCall', {payload: {body: Buffer.alloc(5 << 20)}}));
    await unary(test, 'EmptyCall', {});
  },
  async many_at_once() {
    const calls = Array.from({length: 100}, () => unary(test, 'UnaryCall', {response_size: 1000, payload: {body: Buffer.alloc(50000)}}));
    for (const {reply} of await Promise.all(calls)) assert.strictEqual(reply.payload.body.length, 1000);
  },
  async health() {
    const {reply} = await unary(health, 'Check', {service: 'grpc.testing.TestService'});
    assert.ok(reply.status === 1 || reply.status === 'SERVING');
    await failing(5, unary(health, 'Check', {service: 'x'}));
    const watch = health.Watch({service: 'x'});
    const first = await new Promise((resolve, reject) => watch.on('data', resolve).on('error', reject));
    assert.ok(first.status === 3 || first.status === 'SERVICE_UNKNOWN');
    watch.removeAllListeners('error').on('error', () => {});
    watch.cancel();
  },
};

(async () => {
  for (const [name, run] of Object.entries(cases)) {
    await run();
    console.log(`ok ${name}`);
  }
  for (const c of [test, unknown, health]) c.close();
})().catch((e) => {
  console.error(e);
  process.exit(1);
});
