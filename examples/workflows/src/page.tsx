import { useState, type FormEvent } from "react";
import { createRoot } from "react-dom/client";
import { useAgent } from "agents/react";
import type { ExpenseAgent } from "./index";
import type { Expense, ExpenseState } from "./shared";

const user = new URLSearchParams(location.search).get("user") ?? "ada";
const money = new Intl.NumberFormat("en", { style: "currency", currency: "EUR" });

const texts: Record<Expense["status"], string> = {
  checking: "is being checked",
  waiting: "waits for approval",
  approved: "approved, paid on payday",
  paid: "paid",
  refused: "refused"
};

function Page() {
  const agent = useAgent<ExpenseAgent, ExpenseState>({ agent: "expense-agent", name: "team", query: { user } });
  const [problem, setProblem] = useState("");
  const act = (work: Promise<unknown>) => {
    setProblem("");
    work.catch((error: Error) => setProblem(error.message));
  };
  const expenses = agent.state?.expenses ?? [];
  return (
    <main>
      <header>
        <h1>Expenses</h1>
        <p>
          You are <strong>{user}</strong>. Open this page as <a href="?user=bob">bob</a> or{" "}
          <a href="?user=cleo">cleo</a> to decide.
        </p>
      </header>
      <Form submit={(amount, description) => act(agent.stub.submit({ amount, description }))} />
      {problem && <p role="alert">{problem}</p>}
      {expenses.length === 0 && <p className="empty">No expenses yet.</p>}
      <ul>
        {expenses.toReversed().map((expense) => (
          <Item
            key={expense.id}
            expense={expense}
            approve={() => act(agent.stub.approve(expense.id))}
            refuse={(reason) => act(agent.stub.refuse(expense.id, reason))}
          />
        ))}
      </ul>
    </main>
  );
}

function Form({ submit }: { submit: (amount: number, description: string) => void }) {
  const [amount, setAmount] = useState("");
  const [description, setDescription] = useState("");
  const send = (event: FormEvent) => {
    event.preventDefault();
    submit(Number(amount), description);
    setAmount("");
    setDescription("");
  };
  return (
    <form onSubmit={send}>
      <label>
        What for
        <input required value={description} onChange={({ target }) => setDescription(target.value)} />
      </label>
      <label>
        Amount in €
        <input required type="number" min="1" value={amount} onChange={({ target }) => setAmount(target.value)} />
      </label>
      <button type="submit">Submit</button>
    </form>
  );
}

interface ItemProps {
  expense: Expense;
  approve: () => void;
  refuse: (reason: string) => void;
}

function Item({ expense, approve, refuse }: ItemProps) {
  const [reason, setReason] = useState("");
  const { amount, description, requestedBy, status, approvedBy, needed } = expense;
  const mayDecide = status === "waiting" && requestedBy !== user && !approvedBy.includes(user);
  return (
    <li className={status}>
      <div className="line">
        <strong>{money.format(amount)}</strong>
        <span>{description}</span>
        <span className="status">{texts[status]}</span>
      </div>
      <p className="who">
        Asked for by {requestedBy}
        {approvedBy.length > 0 && `, approved by ${approvedBy.join(" and ")}`}
        {status === "waiting" && needed > 1 && ` (${approvedBy.length} of ${needed} approvals)`}
        {expense.reason !== undefined && `: ${expense.reason}`}
      </p>
      {mayDecide && (
        <div className="decide">
          <button type="button" onClick={approve}>
            Approve
          </button>
          <input
            aria-label={`Why ${description} is refused`}
            placeholder="Why not?"
            value={reason}
            onChange={({ target }) => setReason(target.value)}
          />
          <button type="button" className="refuse" disabled={reason === ""} onClick={() => refuse(reason)}>
            Refuse
          </button>
        </div>
      )}
    </li>
  );
}

createRoot(document.querySelector("#root")!).render(<Page />);
