// gRPC over a unix socket, as containerd and CRI runtimes serve it: one connection, calls with a deadline, streams that hand on each
// message as it comes. A client is used for one connection: whoever lost it makes another (keep-connected.ts).
import { type CallOptions, Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import {
  fromJSON,
  type MessageTypeDefinition,
  type MethodDefinition,
  type ServiceDefinition,
} from '@grpc/proto-loader';
import type { Namespace } from './descriptor.ts';

/** As containerd's own client: its servers send no larger message. */
const MESSAGE_BYTES_MAX = 16 * 1024 * 1024;
/** A look-up takes about a millisecond; a node under load a hundred. */
const CALL_MS_MAX = 10_000;

type RpcErrorCode =
  /** What was asked for is not there (any more). */
  | 'not-found'
  /** The runtime does not know this call. */
  | 'unimplemented'
  /** The connection is lost, or was never made. */
  | 'unavailable'
  /** We ended the call ourselves. */
  | 'cancelled'
  | 'failed';

export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: RpcErrorCode;
  readonly retriable: boolean;
  constructor(code: RpcErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retriable = code === 'unavailable';
  }
}

const codes: Partial<Record<status, RpcErrorCode>> = {
  [status.NOT_FOUND]: 'not-found',
  [status.UNIMPLEMENTED]: 'unimplemented',
  [status.UNAVAILABLE]: 'unavailable',
  [status.CANCELLED]: 'cancelled',
};

/** Typed by whoever names it. */
export interface Method<Request, Reply> {
  path: string;
  serialize: (request: Request) => Buffer;
  deserialize: (bytes: Buffer) => Reply;
}

export interface MessageCodec {
  encode(value: Record<string, unknown>): Buffer;
  /** Fields that are described; `isWhole` when the bytes hold nothing else. Undefined for what is no such message. */
  read(bytes: Buffer): { fields: Record<string, unknown>; isWhole: boolean } | undefined;
}

/** Methods by full name (`package.Service.Method`) and codecs of messages. Absent fields stay absent; 64-bit numbers are text. */
export function loadApi(api: { nested: Namespace }) {
  const definitions = fromJSON(api as Parameters<typeof fromJSON>[0], {
    keepCase: true,
    longs: String,
    enums: String,
    defaults: false,
  });
  return {
    method<Request, Reply>(name: string): Method<Request, Reply> {
      const dot = name.lastIndexOf('.');
      const service = definitions[name.slice(0, dot)] as ServiceDefinition | undefined;
      const definition = service?.[name.slice(dot + 1)] as MethodDefinition<Request, Reply> | undefined;
      if (definition === undefined) throw new Error(`no method ${name}`);
      const { path, requestSerialize, responseDeserialize } = definition;
      return { path, serialize: requestSerialize, deserialize: responseDeserialize };
    },
    codec(name: string): MessageCodec | undefined {
      const definition = Object.hasOwn(definitions, name) ? definitions[name] : undefined;
      if (definition === undefined || !('deserialize' in definition)) return undefined;
      return codecOf(definition as MessageTypeDefinition<object, Record<string, unknown>>);
    },
  };
}

function codecOf({ serialize, deserialize }: MessageTypeDefinition<object, Record<string, unknown>>): MessageCodec {
  return {
    encode: serialize,
    read(bytes) {
      try {
        const fields = deserialize(bytes);
        // what was not understood is missing when it is written again
        return { fields, isWhole: holdsSame(serialize(fields), bytes) };
      } catch {
        return undefined;
      }
    },
  };
}

/** The same bytes, maps in whatever order. */
function holdsSame(a: Uint8Array, b: Buffer): boolean {
  return b.equals(a) || (a.length === b.length && Buffer.from(b).sort().equals(Buffer.from(a).sort()));
}

export interface GrpcClient {
  /** @throws RpcError */
  call<Request, Reply>(method: Method<Request, Reply>, request: Request, headers?: Headers): Promise<Reply>;
  /** Hands on each message in the moment it comes. @throws RpcError; resolves when the other end closes the stream */
  stream<Request, Reply>(
    method: Method<Request, Reply>,
    request: Request,
    onMessage: (message: Reply) => void,
    options: { headers?: Headers; signal: AbortSignal },
  ): Promise<void>;
  /** Ends what goes on, and refuses what comes, with `cancelled`. */
  close(): void;
}
type Headers = Readonly<Record<string, string>>;

export function connectUnix(socket: string): GrpcClient {
  const client = new Client(`unix:${socket}`, credentials.createInsecure(), {
    'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
    // else a new client waits out the back-off of the one before
    'grpc.use_local_subchannel_pool': 1,
  });
  const open = new Set<{ cancel(): void }>();
  let isClosed = false;
  return {
    call(method, request, headers) {
      if (isClosed) return Promise.reject(new RpcError('cancelled', `${method.path}: the connection is closed`));
      return new Promise((done, failed) => {
        const options: CallOptions = { deadline: Date.now() + CALL_MS_MAX };
        const { path, serialize, deserialize } = method;
        const call = client.makeUnaryRequest(
          ...([path, serialize, deserialize, request, metadataOf(headers), options] as const),
          (error, reply) => {
            open.delete(call);
            if (error) failed(rpcErrorOf(error, path));
            else done(reply as NonNullable<typeof reply>);
          },
        );
        open.add(call);
      });
    },
    stream(method, request, onMessage, { headers, signal }) {
      const { path, serialize, deserialize } = method;
      if (isClosed || signal.aborted)
        return Promise.reject(new RpcError('cancelled', `${path}: the connection is closed`));
      return new Promise<void>((done, failed) => {
        const stream = client.makeServerStreamRequest(path, serialize, deserialize, request, metadataOf(headers));
        const cancel = () => stream.cancel();
        open.add(stream);
        signal.addEventListener('abort', cancel);
        stream.on('data', onMessage);
        stream.on('end', done);
        stream.on('error', (error: ServiceError) => failed(rpcErrorOf(error, path)));
        stream.on('close', () => {
          open.delete(stream);
          signal.removeEventListener('abort', cancel);
        });
      });
    },
    close() {
      isClosed = true;
      for (const call of open) call.cancel();
      client.close();
    },
  };
}

function metadataOf(headers: Headers = {}): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return metadata;
}

const rpcErrorOf = (error: ServiceError, path: string): RpcError =>
  new RpcError(codes[error.code] ?? 'failed', `${path}: ${error.details}`, { cause: error });
