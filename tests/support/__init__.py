"""What the black-box tests share: the proxy under test, scripted peers, and waits with deadlines."""
