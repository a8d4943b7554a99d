// The snippets of the page "Queue tasks".
import { Agent, type Connection, type DeadLetter, type QueueItem, type QueueOptions, type WSMessage } from "agents";
import { expectTypeOf } from "vitest";

interface Notification {
  userId: string;
  message: string;
}

export class MyAgent extends Agent {
  async processEmail(data: { email: string; subject: string }) {
    console.log(`Processing email: ${data.subject}`);
  }
  override async onMessage(_connection: Connection, message: WSMessage) {
    const taskId = await this.queue("processEmail", { email: "user@example.com", subject: `Welcome! ${message}` });
    expectTypeOf(taskId).toEqualTypeOf<string>();
  }

  // proves queue-tasks#signature-example
  async sendNotification(payload: Notification, queueItem: QueueItem<Notification>) {
    console.log(`Processing task ${queueItem.id} of ${new Date(queueItem.created_at * 1000)}`);
    expectTypeOf(queueItem.payload).toEqualTypeOf<Notification>();
    await this.notificationService.send(payload.userId, payload.message);
  }
  notificationService = { send: async (userId: string, message: string) => console.log(userId, message) };

  async onUserSignup(userData: { id: string }) {
    await this.queue("sendNotification", { userId: userData.id, message: "Welcome to our platform!" });
  }
  async reliableTask(payload: { retryCount: number }, queueItem: QueueItem) {
    console.error(`Task ${queueItem.id} failed`);
    if (payload.retryCount < 3) {
      await this.queue("reliableTask", { ...payload, retryCount: (payload.retryCount || 0) + 1 });
    }
  }

  async manage() {
    this.dequeue("abc123def");
    this.dequeueAll();
    this.dequeueAllByCallback("processEmail");
    const task = this.getQueue<Notification>("abc123def");
    expectTypeOf(task).toEqualTypeOf<QueueItem<Notification> | undefined>();
    expectTypeOf(this.getQueue("abc123def")).toEqualTypeOf<QueueItem | undefined>();
    expectTypeOf(this.getQueues<Notification>("userId", "12345")).toEqualTypeOf<QueueItem<Notification>[]>();
    expectTypeOf(this.dequeueAll()).toEqualTypeOf<void>();
  }

  async retries(webhookData: unknown) {
    await this.queue("processEmail", { to: "user@example.com" }, { retry: { maxAttempts: 5 } });
    await this.queue("sendNotification", webhookData, {
      retry: { maxAttempts: 3, baseDelayMs: 500, maxDelayMs: 5000 }
    });
  }

  async beyond() {
    const options: QueueOptions = { queue: "mail", concurrency: 3, ordered: false, delaySeconds: 60 };
    await this.queue("processEmail", {}, options);
    await this.queue("processEmail", {}, { availableAt: new Date() });
    expectTypeOf(this.listDead()).toEqualTypeOf<DeadLetter[]>();
    expectTypeOf(await this.retryDead("abc123def")).toEqualTypeOf<boolean>();
  }

  async wrong() {
    // @ts-expect-error no method of this name
    await this.queue("processMail", {});
    // @ts-expect-error a method itself
    await this.queue(this.processEmail, {});
    // @ts-expect-error no such option
    await this.queue("processEmail", {}, { priority: 1 });
    // @ts-expect-error a number of items
    await this.queue("processEmail", {}, { concurrency: "3" });
    // @ts-expect-error a Date
    await this.queue("processEmail", {}, { availableAt: 60 });
    // @ts-expect-error the id of an item
    this.dequeue(1);
  }
}
