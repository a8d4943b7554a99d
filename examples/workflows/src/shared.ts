/** What somebody wants to have paid. */
export interface ExpenseRequest {
  amount: number;
  description: string;
}

export interface Expense extends ExpenseRequest {
  /** The id of its workflow. */
  id: string;
  requestedBy: string;
  status: "checking" | "waiting" | "approved" | "paid" | "refused";
  /** Who has approved so far. */
  approvedBy: string[];
  /** How many it takes. */
  needed: number;
  /** Why it was refused. */
  reason?: string;
}

export interface ExpenseState {
  expenses: Expense[];
}

/** What larger expenses take two people for. */
export const largeAmount = 1_000;
