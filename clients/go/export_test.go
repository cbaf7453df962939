package rfe

import "time"

// SetWaitPatience shortens the 30 s for which WaitJob goes on without its service.
func (c *Client) SetWaitPatience(patience time.Duration) { c.waitPatience = patience }
